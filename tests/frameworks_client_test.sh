#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Vercel AI SDK, LangChain, LangGraph and the OpenAI Agents SDK against a node, with the checks of ../shared/clients;
# skipped where those are absent.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
SHARED=${PLINTH_SHARED:-$ROOT/../shared}
[ -d "$SHARED/clients" ] || { echo "skipped: no $SHARED/clients"; exit 0; }
command -v npm >/dev/null || { echo "skipped: npm is not installed"; exit 0; }
IS_STARTER=1 KEEP=0 LIVE=0 MODEL_ARGS=() AGENT_ARGS=() PLINTH=$ROOT/build/release/plinth
source "$ROOT/demo/lib.sh"
start_node

mkdir -p "$WORK/clients"
cp "$SHARED"/clients/{_t,frameworks_client}.mjs "$WORK/clients/"
cd "$WORK/clients"
echo '{"private":true,"type":"module"}' >package.json
npm i --silent --no-audit --no-fund ai@^6 @ai-sdk/openai@^3 @ai-sdk/openai-compatible@^2 @langchain/core@^1 \
  @langchain/langgraph@^1 @langchain/openai@^1 @openai/agents@^0.20 openai@^6 zod@^4 >/dev/null
OPENAI_BASE_URL=$ADDRESS/v1 OPENAI_API_KEY=unused MODEL=$MODEL node frameworks_client.mjs
