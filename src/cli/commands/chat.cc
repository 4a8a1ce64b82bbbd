// SPDX-License-Identifier: Apache-2.0
// `plinth chat`: one message or, on a terminal, a conversation; the reply streams as it is made.
// `plinth embed`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "cli/node_client.h"
#include "cli/output.h"

namespace plinth::cli::commands {

namespace {

struct ChatOptions {
  std::string text;
  std::string model;
  std::string system;
  double temperature = 0;
  int max_tokens = 512;
};

Result<std::string> default_model(const NodeClient& node) {
  const Json models = TRY(node.get("/api/models"));
  for (const Json& model : models["models"].items()) {
    if (model["state"].as_string() == "ready") return model["name"].as_string();
  }
  return make_error(ErrorCode::not_found,
                    "the node has no model ready; start it with --model FILE.gguf");
}

Json body_of(const ChatOptions& options, const Json& messages, bool is_stream) {
  return Json::object({{"model", options.model},
                       {"messages", messages},
                       {"temperature", options.temperature},
                       {"max_tokens", options.max_tokens},
                       {"stream", is_stream}});
}

// Prints the reply as it streams and returns its text.
Result<std::string> stream_reply(const NodeClient& node, const ChatOptions& options,
                                 const Json& messages) {
  std::string text;
  Status streamed = ok();
  bool is_answer = false;
  TRY(node.stream("/v1/chat/completions", body_of(options, messages, true),
                  [&](std::string_view data) {
                    if (data == "[DONE]") return false;
                    auto chunk = Json::parse(data);
                    if (chunk.is_error()) return true;
                    if (const Json* error = chunk->find("error")) {
                      streamed = error_of(*error);
                      return false;
                    }
                    is_answer = true;
                    const auto& choices = (*chunk)["choices"].items();
                    if (choices.empty()) return true;
                    const std::string& delta = choices[0]["delta"]["content"].as_string();
                    text += delta;
                    std::fputs(printable(delta).c_str(), stdout);
                    std::fflush(stdout);
                    return true;
                  }));
  TRY(streamed);
  if (!is_answer) {
    return make_error(
        ErrorCode::internal,
        "what answers there sent no reply; is it a node? give its address with --url");
  }
  std::printf("\n");
  return text;
}

void converse(Context& context, const NodeClient& node, const ChatOptions& options, Json messages) {
  std::fprintf(stderr, "Talking to %s. An empty line ends the conversation.\n",
               options.model.c_str());
  for (std::string line;;) {
    std::fprintf(stderr, "> ");
    if (!std::getline(std::cin, line) || line.empty()) return;
    messages.push(Json::object({{"role", "user"}, {"content", line}}));
    auto reply = stream_reply(node, options, messages);
    if (reply.is_error()) return fail(context, reply.error());
    messages.push(Json::object({{"role", "assistant"}, {"content", *reply}}));
  }
}

void run_chat(Context& context, ChatOptions options) {
  const NodeClient node(context);
  if (options.model.empty()) {
    auto model = default_model(node);
    if (model.is_error()) return fail(context, model.error());
    options.model = *model;
  }
  Json messages = Json::array();
  if (!options.system.empty()) {
    messages.push(Json::object({{"role", "system"}, {"content", options.system}}));
  }
  if (options.text.empty() && context.is_json) {
    return fail(context, make_error(ErrorCode::invalid_argument,
                                    "--json needs the message as TEXT: plinth chat TEXT --json"));
  }
  if (options.text.empty()) return converse(context, node, options, std::move(messages));
  messages.push(Json::object({{"role", "user"}, {"content", options.text}}));
  if (context.is_json) {
    return show(context, node.post("/v1/chat/completions", body_of(options, messages, false)),
                print_json);
  }
  auto reply = stream_reply(node, options, messages);
  if (reply.is_error()) fail(context, reply.error());
}

}  // namespace

void chat(CLI::App& app, Context& context) {
  auto options = std::make_shared<ChatOptions>();
  app.add_option("TEXT", options->text, "the message; without it a conversation starts");
  app.add_option("--model", options->model, "model; default: the node's first");
  app.add_option("--system", options->system, "system prompt");
  app.add_option("--temperature", options->temperature, "0 is greedy")->check(CLI::Range(0.0, 2.0));
  app.add_option("--max-tokens", options->max_tokens, "longest reply")->check(CLI::Range(1, 32768));
  app.callback([&context, options] { run_chat(context, *options); });
}

void embed(CLI::App& app, Context& context) {
  auto text = std::make_shared<std::string>();
  auto model = std::make_shared<std::string>("plinth-lexical");
  app.add_option("TEXT", *text, "the text")->required();
  app.add_option("--model", *model, "embedding model");
  app.callback([&context, text, model] {
    show(context,
         NodeClient(context).post("/v1/embeddings",
                                  Json::object({{"model", *model}, {"input", *text}})),
         print_json);
  });
}

}  // namespace plinth::cli::commands
