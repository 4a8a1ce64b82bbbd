#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Vercel AI SDK, LangChain, LangGraph and the OpenAI Agents SDK against a node, with the checks of ../shared/clients;
# skipped where those are absent.
source "$(dirname "$(readlink -f "$0")")/client_lib.sh"
needs_shared_clients
start_node

install_client ai@^6 @ai-sdk/openai@^3 @ai-sdk/openai-compatible@^2 @langchain/core@^1 @langchain/langgraph@^1 \
  @langchain/openai@^1 @openai/agents@^0.20 openai@^6 zod@^4
cp "$SHARED"/clients/{_t,frameworks_client}.mjs "$CLIENTS/"
cd "$CLIENTS"
OPENAI_BASE_URL=$ADDRESS/v1 OPENAI_API_KEY=unused MODEL=$MODEL node frameworks_client.mjs
