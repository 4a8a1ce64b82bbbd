// SPDX-License-Identifier: Apache-2.0
// Renders one chat template over many conversations, for the check against the reference: reads
// {"template", "bos_token", "eos_token", "cases": [{"messages", "tools", "add_generation_prompt",
// "unix_s", "variables"}]} from standard input and writes a list of {"text"} or {"error"}.
#include <cstdio>
#include <iostream>
#include <iterator>

#include "engine/template/chat.h"

int main() {
  using namespace plinth;
  using engine::templates::ChatTemplate;
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const auto input = Json::parse(text);
  if (input.is_error()) {
    std::fprintf(stderr, "standard input: %s\n", input.error().message.c_str());
    return 2;
  }
  const Json& all = *input;
  const auto made = ChatTemplate::create(all["template"].as_string(), all["bos_token"].as_string(),
                                         all["eos_token"].as_string());
  Json results = Json::array();
  for (const Json& one : all["cases"].items()) {
    if (made.is_error()) {
      results.push(Json::object({{"error", made.error().message}}));
      continue;
    }
    const auto rendered =
        made->render_chat(one["messages"], one["tools"],
                          {.is_generation_prompt_added = one["add_generation_prompt"].as_bool(),
                           .unix_s = one["unix_s"].as_int(),
                           .variables = one["variables"]});
    results.push(rendered.is_ok() ? Json::object({{"text", rendered->bytes}})
                                  : Json::object({{"error", rendered.error().message}}));
  }
  std::puts(results.dump().c_str());
  return 0;
}
