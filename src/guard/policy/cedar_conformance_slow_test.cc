// SPDX-License-Identifier: Apache-2.0
// Our evaluator against Cedar's public integration tests, with Cedar's own meaning of errors. Reads
// ../shared/data/cedar beside the repository; skipped where that is absent.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "guard/policy/entities.h"
#include "guard/policy/evaluator.h"
#include "guard/policy/parser.h"

namespace plinth::guard {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

EntityRef ref_of(const Json& json) {
  const Json& inner = json.contains("__entity") ? json["__entity"] : json;
  return EntityRef{inner["type"].as_string(), inner["id"].as_string()};
}

Result<Entities> read_entities(const Json& json) {
  Entities entities;
  for (const Json& item : json.items()) {
    EntityNode node;
    node.attributes = TRY(value_from_json(item["attrs"], JsonEscapes::honour));
    if (item["tags"].is_object()) {
      node.tags = TRY(value_from_json(item["tags"], JsonEscapes::honour));
    }
    for (const Json& parent : item["parents"].items()) node.parents.push_back(ref_of(parent));
    entities.add(ref_of(item["uid"]), std::move(node));
  }
  return entities;
}

std::set<std::string> names(const Json& list) {
  std::set<std::string> texts;
  for (const Json& item : list.items()) texts.insert(item.as_string());
  return texts;
}

struct Tally {
  size_t requests = 0;
  size_t unreadable = 0;  // policies we refuse
  std::vector<std::string> wrong;
};

// Cedar names policies by their place in the text, whatever their annotations say.
void number_policies(std::vector<Policy>& policies) {
  for (size_t i = 0; i < policies.size(); ++i) {
    policies[i].summary.id = "policy" + std::to_string(i);
  }
}

void check_request(const Json& request, const std::vector<Policy>& policies, PreparedQuery query,
                   const std::string& name, Tally& tally) {
  const auto context = value_from_json(request["context"], JsonEscapes::honour);
  if (context.is_error() || context->as_record() == nullptr) return;
  query.principal = ref_of(request["principal"]);
  query.action = ref_of(request["action"]);
  query.resource = ref_of(request["resource"]);
  query.context = *context;
  const PolicyAnswer answer = evaluate_policies(policies, query, BrokenForbid::is_skipped);
  std::set<std::string> errors;
  for (const std::string& error : answer.errors) errors.insert(error.substr(0, error.find(':')));
  ++tally.requests;
  const bool is_right =
      answer.is_allowed == (request["decision"].as_string() == "allow") &&
      std::set<std::string>(answer.determining.begin(), answer.determining.end()) ==
          names(request["reason"]) &&
      errors == names(request["errors"]);
  if (!is_right) tally.wrong.push_back(name + ": " + request["description"].as_string());
}

void check_case(const fs::path& root, const fs::path& path, Tally& tally) {
  const auto json = Json::parse(read_text(path));
  ASSERT_TRUE(json.is_ok()) << path;
  auto policies = parse_policies(read_text(root / (*json)["policies"].as_string()));
  if (policies.is_error()) {
    ++tally.unreadable;
    tally.wrong.push_back(path.filename().string() + ": " + policies.error().message);
    return;
  }
  number_policies(*policies);
  const auto entities = Json::parse(read_text(root / (*json)["entities"].as_string()));
  ASSERT_TRUE(entities.is_ok()) << path;
  auto read = read_entities(*entities);
  ASSERT_TRUE(read.is_ok()) << path << read.error().message;
  PreparedQuery query;
  query.entities = std::move(*read);
  for (const Json& request : (*json)["requests"].items()) {
    check_request(request, *policies, query, path.filename().string(), tally);
  }
}

TEST(CedarConformance, decides_like_cedar_over_the_public_corpus) {
  const fs::path shared = fs::path(PLINTH_SOURCE_DIR) / "../shared/data/cedar/corpus-dev.tar.gz";
  if (!fs::exists(shared)) GTEST_SKIP() << "no corpus at " << shared;
  const fs::path root = fs::temp_directory_path() / ("plinth-cedar-" + std::to_string(::getpid()));
  fs::create_directories(root);
  ASSERT_EQ(std::system(("tar xzf " + shared.string() + " -C " + root.string()).c_str()), 0);
  Tally tally;
  for (const auto& entry : fs::directory_iterator(root / "corpus-tests")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".json") || name.ends_with(".entities.json")) continue;
    check_case(root, entry.path(), tally);
  }
  fs::remove_all(root);
  EXPECT_GT(tally.requests, 1000u);
  EXPECT_TRUE(tally.wrong.empty())
      << tally.wrong.size() << " of " << tally.requests << " differ, first " << tally.wrong.front();
  std::printf("%zu requests, %zu differ, %zu texts refused\n", tally.requests, tally.wrong.size(),
              tally.unreadable);
  for (size_t i = 0; i < tally.wrong.size() && i < 20; ++i) {
    std::printf("  %s\n", tally.wrong[i].c_str());
  }
}

}  // namespace
}  // namespace plinth::guard
