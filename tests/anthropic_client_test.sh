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
(cd "$WORK/clients" && ONLY='^(messages\.(basic|stream)|error|cancel)' node anthropic_client.mjs)
