#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Style that matters is a test: SPDX lines, file and line lengths, unfinished words, docs that name real paths, the
# module table in ARCHITECTURE.md, and the reference pages against the program. structure_test.sh [PLINTH]
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PLINTH=${1:-build/release/plinth}
wrong=0
complain() { wrong=$((wrong + 1)); echo "$*"; }

files=$(find src tests demo cmake models policies examples bench web .ci -type f \( -name '*.cc' -o -name '*.h' -o -name '*.py' -o -name '*.sh' \
  -o -name '*.cmake' -o -name '*.cedar' -o -name '*.html' -o -name CMakeLists.txt \) -not -path '*/node_modules/*' -not -path '*/.work/*' -not -path '*/__pycache__/*')
for file in $files run .ci/run demo/demo CMakeLists.txt; do
  head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file: no SPDX line"
  [ "$(wc -l <"$file")" -le 1000 ] || complain "$file: over 1000 lines"
done
for file in $(find src tests -name '*.cc' -o -name '*.h'); do
  awk -v f="$file" 'length($0) > 120 && !/https?:|R"/ { print f ":" NR ": line of " length($0) " columns"; found = 1; exit } END { exit found }' "$file" || wrong=$((wrong + 1))
done
unfinished='TO''DO|FIX''ME|\bst''ub\b|not impl''emented|hard-?co''ded|\bdum''my\b'
found=$(grep -rnEi "$unfinished" src policies demo web examples README.md ARCHITECTURE.md docs --include='*' | grep -vE '\.gguf:' | head -5)
[ -z "$found" ] || complain "unfinished words: $found"

# Paths that docs name exist.
for doc in README.md ARCHITECTURE.md CONTRIBUTING.md SPECIFICATION.md docs/*.md; do
  for path in $(grep -oE '`(src|docs|tests|demo|models|policies|examples|bench|web|cmake)/[A-Za-z0-9_./-]+`' "$doc" | tr -d '`' | grep -v '/X\.cc$\|ISA\|MODULE' | sort -u); do
    [ -e "$path" ] || complain "$doc names $path, which does not exist"
  done
done

# The module table equals the build's.
built=$(sed -nE 's/^module\(([a-z]+) *(DEPS ([a-z ]+))?( LIBS [a-z0-9_ ]+)?\)$/\1:\3/p' src/CMakeLists.txt | sed -E 's/ +LIBS.*//; s/ +$//' | sed -E 's/ LIBS$//')
documented=$(grep -v '^| module |' ARCHITECTURE.md | sed -nE 's/^\| ([a-z]+) \| .* \| ([a-z -]+) \|$/\1:\2/p' | sed 's/:-$/:/')
diff <(sed 's/ *$//' <<<"$built") <(sed 's/ *$//' <<<"$documented") || complain "ARCHITECTURE.md's module table differs from src/CMakeLists.txt"

# One file chooses the backend; what describes models and schedules batches knows no kernel either.
found=$(grep -rlE '#include "engine/cpu/' src --include='*.h' --include='*.cc' | grep -vE '^src/engine/(cpu/|loading/make_backend\.cc)|_test\.cc$')
[ -z "$found" ] || complain "only engine/loading/make_backend.cc may include engine/cpu: $found"
for folder in models backend kv_cache batcher speculation; do
  found=$(grep -rnE '#include "engine/kernels/' "src/engine/$folder" --include='*.h' --include='*.cc' | grep -vE '_test\.cc:|kernels/formats/formats\.h"')
  [ -z "$found" ] || complain "kernels belong behind the backend: $found"
done

# Reference pages are what the program prints.
for page in routes commands configuration errors metrics; do
  diff -q <("$PLINTH" reference "$page") "docs/reference/$page.md" >/dev/null || complain "docs/reference/$page.md is not what 'plinth reference $page' prints: ./run docs"
done
diff -q <("$PLINTH" reference schema) docs/schema/plinth.json >/dev/null || complain "docs/schema/plinth.json is stale: ./run docs"

# Every link dependency has a decision record; every module has tests.
for word in rocksdb asio simdjson sodium openssl fmt spdlog yaml prometheus seccomp hwloc stemmer utf8proc boost-url; do
  ls docs/decisions | grep -q "$word" || complain "no decision record names $word"
done
for module in src/*/; do
  [ -n "$(find "$module" -name '*_test.cc' | head -n 1)" ] || complain "$module has no test"
done
[ "$wrong" = 0 ] && echo "structure: all checks hold"
[ "$wrong" = 0 ]
