#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the demo refuses: said in one line that names the option, with exit code 2, before a node starts.
set -uo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
wrong=0
refuses() {  # WORD ARGUMENTS...
  local word=$1 text status=0
  shift
  text=$("$ROOT/demo/demo" "$@" 2>&1) || status=$?
  if [ $status != 2 ] || [[ $text != "demo: "*"$word"* ]] || [ "$(wc -l <<<"$text")" != 1 ]; then
    wrong=$((wrong + 1))
    echo "demo $*: exit code $status, said: $text"
  fi
}
refuses --model --model
refuses --model --model --keep
refuses "no such file" --model /nonexistent.gguf
refuses --upstream --upstream
refuses "one model" --upstream http://127.0.0.1:9/v1 --model "$ROOT/models/starter/starter.gguf"
refuses "--frobnicate" --frobnicate
refuses "no chapter" nothing
[ "$wrong" = 0 ] && echo "demo: every wrong option is refused in words"
[ "$wrong" = 0 ]
