#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `./run new` writes compiles as it stands. patterns_test.sh CXX [FLAGS...]
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
COMPILER=("$@")
[ ${#COMPILER[@]} -gt 0 ] || COMPILER=(g++)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/docs"
cp -r "$ROOT/run" "$copy/"
cp -r "$ROOT/docs/patterns" "$copy/docs/"
cd "$copy"
made=(endpoint:probe command:probe tool:probe test:base/probe fuzz:base/probe)
for pair in "${made[@]}"; do ./run new "${pair%%:*}" "${pair#*:}" >/dev/null; done
wrong=0
while read -r file; do
  ! grep -q NAME "$file" || { echo "$file still says NAME"; wrong=1; }
  "${COMPILER[@]}" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I "$ROOT/src" "$file" || wrong=1
done < <(find src -name '*.cc')
[ "$(find src -name '*.cc' | wc -l)" = ${#made[@]} ] || { echo "not every kind wrote a file"; wrong=1; }
! ./run new test base/probe >/dev/null 2>&1 || { echo "a second file took the first one's place"; wrong=1; }
! ./run new endpoint ../probe >/dev/null 2>&1 || { echo "a path passed for a name"; wrong=1; }
[ $wrong = 0 ] && echo "patterns: ${#made[@]} compile"
exit $wrong
