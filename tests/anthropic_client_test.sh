#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official @anthropic-ai/sdk npm client against a node, with the checks of ../shared/clients; skipped where those
# are absent.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
SHARED=${PLINTH_SHARED:-$ROOT/../shared}
[ -d "$SHARED/clients" ] || { echo "skipped: no $SHARED/clients"; exit 0; }
command -v npm >/dev/null || { echo "skipped: npm is not installed"; exit 0; }
IS_STARTER=1 KEEP=0 LIVE=0 MODEL_ARGS=() AGENT_ARGS=() PLINTH=$ROOT/build/release/plinth
source "$ROOT/demo/lib.sh"
start_node

mkdir -p "$WORK/clients"
cp "$SHARED"/clients/{_t,anthropic_client}.mjs "$WORK/clients/"
(cd "$WORK/clients" && echo '{"private":true,"type":"module"}' >package.json &&
  npm i --silent --no-audit --no-fund @anthropic-ai/sdk@^1.12.0 >/dev/null)
export ANTHROPIC_BASE_URL=$ADDRESS MODEL
(cd "$WORK/clients" && ONLY='^(messages|error)' node anthropic_client.mjs)

# The starter's reply to the cancelled request is over in three events, and this client waits for ever when it aborts a
# stream that has arrived whole in one read. Random weights of a real shape never end their reply.
"$PLINTH" model synth --arch qwen2 --shape 0.5b --type q4_0 --seed 1 "$WORK/endless.gguf" --json >/dev/null
stop_node
MODEL_ARGS=(--model "endless=$WORK/endless.gguf")
start_node
export ANTHROPIC_BASE_URL=$ADDRESS MODEL
(cd "$WORK/clients" && ONLY='^cancel' node anthropic_client.mjs)
