// SPDX-License-Identifier: Apache-2.0
// Templates in the styles of well-known families against what Jinja2 writes for them. The files are
// in tests/chat_templates; regenerate.py there writes the expected ones.
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/template/chat.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine::templates {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(PLINTH_SOURCE_DIR) / "tests/chat_templates";

Json read_json(const fs::path& path) {
  const auto text = testing::read_text_file(path.string());
  EXPECT_TRUE(text.is_ok()) << path;
  const auto json = Json::parse(text.is_ok() ? *text : "");
  EXPECT_TRUE(json.is_ok()) << path;
  return json.is_ok() ? *json : Json();
}

// As the expected file says it: {"text"} or {"refused": true}.
Json shown(const Result<Text>& rendered) {
  if (rendered.is_error()) return Json::object({{"refused", true}});
  return Json::object({{"text", rendered->bytes}});
}

TEST(GoldenTemplates, write_what_the_reference_writes) {
  const Json input = read_json(kFolder / "conversations.json");
  int templates = 0;
  for (const auto& file : fs::directory_iterator(kFolder / "own")) {
    SCOPED_TRACE(file.path().filename());
    const Json expected = read_json(kFolder / "expected" / (file.path().stem().string() + ".json"));
    const auto made =
        ChatTemplate::create(*testing::read_text_file(file.path().string()),
                             input["bos_token"].as_string(), input["eos_token"].as_string());
    ASSERT_TRUE(made.is_ok()) << made.error().message;
    const Json::Array& cases = input["cases"].items();
    ASSERT_EQ(expected.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) {
      const Json& one = cases[i];
      const auto rendered =
          made->render_chat(one["messages"], one["tools"],
                            {.is_generation_prompt_added = one["add_generation_prompt"].as_bool(),
                             .unix_s = one["unix_s"].as_int(),
                             .variables = one["variables"]});
      EXPECT_EQ(shown(rendered).dump(), expected.items()[i].dump())
          << one["name"].as_string() << ": " << (rendered.is_ok() ? "" : rendered.error().message);
    }
    ++templates;
  }
  EXPECT_GE(templates, 20);
}

}  // namespace
}  // namespace plinth::engine::templates
