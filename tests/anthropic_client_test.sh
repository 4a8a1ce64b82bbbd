#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official @anthropic-ai/sdk npm client against a node, with the checks of ../shared/clients; skipped where those
# are absent.
source "$(dirname "$(readlink -f "$0")")/client_lib.sh"
needs_shared_clients
start_node

install_client @anthropic-ai/sdk@^1.12.0
cp "$SHARED"/clients/{_t,anthropic_client}.mjs "$CLIENTS/"
export ANTHROPIC_BASE_URL=$ADDRESS MODEL
(cd "$CLIENTS" && ONLY='^(messages|error)' node anthropic_client.mjs)

# The starter's reply to the cancelled request is over in three events, and this client waits for ever when it aborts a
# stream that has arrived whole in one read. Random weights of a real shape never end their reply.
"$PLINTH" model synth --arch qwen2 --shape 0.5b --type q4_0 --seed 1 "$WORK/endless.gguf" --json >/dev/null
stop_node
MODEL_ARGS=(--model "endless=$WORK/endless.gguf")
start_node
export ANTHROPIC_BASE_URL=$ADDRESS MODEL
(cd "$CLIENTS" && ONLY='^cancel' node anthropic_client.mjs)
