#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official openai npm client against a node, with the checks of ../shared/clients; skipped where those are absent.
# Also every JSON body of ../shared/data/json: none may end the node, and each n_* gets a 400 in OpenAI's error shape.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
SHARED=${PLINTH_SHARED:-$ROOT/../shared}
[ -d "$SHARED/clients" ] || { echo "skipped: no $SHARED/clients"; exit 0; }
command -v npm >/dev/null || { echo "skipped: npm is not installed"; exit 0; }
IS_STARTER=1 KEEP=0 LIVE=0 MODEL_ARGS=() AGENT_ARGS=() PLINTH=$ROOT/build/release/plinth
source "$ROOT/demo/lib.sh"
start_node

mkdir -p "$WORK/clients"
cp "$SHARED"/clients/{_t,openai_client}.mjs "$WORK/clients/"
(cd "$WORK/clients" && echo '{"private":true,"type":"module"}' >package.json && npm i --silent --no-audit --no-fund openai@6 >/dev/null)
export OPENAI_BASE_URL=$ADDRESS/v1 OPENAI_API_KEY='' MODEL EMBED_MODEL=plinth-lexical
(cd "$WORK/clients" && OPENAI_API_KEY=unused CTX_TEST=1 \
  node openai_client.mjs)

sent=0 wrong=0
for body in "$SHARED"/data/json/test_parsing/*.json; do
  status=$("${CURL[@]}" -o "$WORK/answer" -w '%{http_code}' -H 'content-type: application/json' --data-binary "@$body" "$ADDRESS/v1/chat/completions")
  sent=$((sent + 1))
  case $(basename "$body") in
    n_*) [ "$status" = 400 ] && jq -e '.error | has("message") and has("type") and has("param") and has("code")' "$WORK/answer" >/dev/null ||
      { wrong=$((wrong + 1)); echo "$(basename "$body"): status $status"; } ;;
    *) [ "$status" = 400 ] || { wrong=$((wrong + 1)); echo "$(basename "$body"): status $status"; } ;;
  esac
done
api /healthz >/dev/null || { wrong=$((wrong + 1)); echo "the node is gone"; }
echo "$sent JSON bodies: $wrong wrong"
[ "$wrong" = 0 ]
