#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official openai npm client against a node, with the checks of ../shared/clients; skipped where those are absent.
# Also every JSON body of ../shared/data/json: none may end the node, and each n_* gets a 400 in OpenAI's error shape.
source "$(dirname "$(readlink -f "$0")")/client_lib.sh"
needs_shared_clients
start_node

install_client openai@6
cp "$SHARED"/clients/{_t,openai_client}.mjs "$CLIENTS/"
export OPENAI_BASE_URL=$ADDRESS/v1 OPENAI_API_KEY='' MODEL EMBED_MODEL=plinth-lexical
(cd "$CLIENTS" && OPENAI_API_KEY=unused CTX_TEST=1 node openai_client.mjs)

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
