// SPDX-License-Identifier: Apache-2.0
// Roles of tokens and the chat template, which stand in the files beside tokenizer.json.
#include "engine/convert/checkpoint/tokenizer.h"

#include <algorithm>

#include "base/text.h"

namespace plinth::engine::checkpoint {
namespace {

// A token is a text, or an object with the text as its content.
std::string_view text_of(const Json& token) {
  return token.is_object() ? token["content"].as_string() : token.as_string();
}

class RoleWriter {
 public:
  RoleWriter(const Folder& folder, const TokenList& tokens, gguf::MetadataWriter& out)
      : folder_(folder), tokens_(tokens), out_(out) {}

  Status run() {
    begin_ = role("bos_token");
    end_ = role("eos_token");
    if (!begin_) begin_ = numbered("bos_token_id");
    if (!end_) end_ = numbered("eos_token_id");
    add("bos_token_id", begin_);
    add("eos_token_id", end_);
    add_other_ends();
    std::optional<uint32_t> unknown = role("unk_token");
    if (!unknown) unknown = tokens_.find(folder_.tokenizer["model"]["unk_token"].as_string());
    add("unknown_token_id", unknown);
    add("padding_token_id", role("pad_token"));
    if (folder_.tokenizer["model"]["type"].as_string() == "WordPiece") {
      add("cls_token_id", role("cls_token"));
      add("seperator_token_id", role("sep_token"));
      return ok();
    }
    out_.add_bool("tokenizer.ggml.add_bos_token", is_added("add_bos_token", begin_, true));
    out_.add_bool("tokenizer.ggml.add_eos_token", is_added("add_eos_token", end_, false));
    return ok();
  }

 private:
  std::optional<uint32_t> role(std::string_view key) const {
    for (const Json* file : {&folder_.tokenizer_config, &folder_.special_tokens_map}) {
      const std::string_view text = text_of((*file)[key]);
      if (!text.empty()) return tokens_.find(text);
    }
    return std::nullopt;
  }

  std::optional<uint32_t> known(const Json& number) const {
    const int64_t id = number.as_int(-1);
    if (id < 0 || id >= static_cast<int64_t>(tokens_.entries().size())) return std::nullopt;
    return static_cast<uint32_t>(id);
  }

  // The number that the configurations give; the first one of a list.
  std::optional<uint32_t> numbered(std::string_view key) const {
    for (const Json* file : {&folder_.generation_config, &folder_.config}) {
      const Json& value = (*file)[key];
      const auto id = known(value.is_array() && value.size() > 0 ? value.items()[0] : value);
      if (id) return id;
    }
    return std::nullopt;
  }

  void add(std::string_view name, std::optional<uint32_t> id) {
    if (id) out_.add_u32("tokenizer.ggml." + std::string(name), *id);
  }

  // A reply may end with others than the end token; GGUF has room for two of them.
  void add_other_ends() {
    constexpr std::string_view kNames[] = {"eot_token_id", "eom_token_id"};
    size_t used = 0;
    for (const Json& number : folder_.generation_config["eos_token_id"].items()) {
      const auto id = known(number);
      if (id && id != end_ && used < std::size(kNames)) add(kNames[used++], id);
    }
  }

  // Whether a text gets the token at its begin or end: as said, else as the post-processor does.
  bool is_added(std::string_view key, std::optional<uint32_t> token, bool is_first) const {
    const Json& said = folder_.tokenizer_config[key];
    if (said.is_bool()) return said.as_bool() && token.has_value();
    if (!token) return false;
    const Json& processor = folder_.tokenizer["post_processor"];
    const Json* found =
        processor["type"].as_string() == "TemplateProcessing" ? &processor : nullptr;
    for (const Json& inner : processor["processors"].items()) {
      if (inner["type"].as_string() == "TemplateProcessing") found = &inner;
    }
    if (!found || (*found)["single"].size() == 0) return false;
    const Json::Array& single = (*found)["single"].items();
    const Json& edge = is_first ? single.front() : single.back();
    const std::string& name = edge["SpecialToken"]["id"].as_string();
    return name == tokens_.entries()[*token].text;
  }

  const Folder& folder_;
  const TokenList& tokens_;
  gguf::MetadataWriter& out_;
  std::optional<uint32_t> begin_;
  std::optional<uint32_t> end_;
};

// Of several named templates the one called default.
std::string_view chat_template(const Folder& folder) {
  if (!folder.chat_template.empty()) return folder.chat_template;
  const Json& value = folder.tokenizer_config["chat_template"];
  for (const Json& item : value.items()) {
    if (item["name"].as_string() == "default") return item["template"].as_string();
  }
  return value.as_string();
}

}  // namespace

Status add_tokenizer(const Folder& folder, uint64_t tokens, gguf::MetadataWriter& out) {
  if (folder.tokenizer.is_null()) {
    return make_error(ErrorCode::not_found,
                      folder.path +
                          ": holds no tokenizer.json; a tokenizer in another form must "
                          "be saved as tokenizer.json first",
                      "path");
  }
  TokenList list = TRY(TokenList::read(folder.tokenizer, tokens));
  // Roles name tokens as the file spells them, which the kinds of vocabulary change.
  TRY(RoleWriter(folder, list, out).run());
  TRY(add_token_model(folder.tokenizer, list, out));
  const std::string_view source = chat_template(folder);
  if (!source.empty()) out.add_string("tokenizer.chat_template", source);
  return ok();
}

}  // namespace plinth::engine::checkpoint
