// SPDX-License-Identifier: Apache-2.0
// `plinth policy|audit|keys …`: rules, the record of decisions, credentials.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/text.h"
#include "cli/node_client.h"
#include "cli/output.h"
#include "cli/run_view.h"
#include "guard/policy.h"

namespace plinth::cli::commands {

namespace {

std::vector<std::vector<std::string>> policy_rows(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& policy : body["policies"].items()) {
    rows.push_back({policy["id"].as_string(), policy["effect"].as_string(),
                    policy["annotations"]["reason"].as_string()});
  }
  return rows;
}

void print_policies(const Json& body) {
  print_table({"policy", "effect", "reason"}, policy_rows(body), 110);
}

std::vector<std::string> audit_row(const Json& entry) {
  const Json& record = entry["record"];
  std::vector<std::string> policies;
  for (const Json& policy : record["policies"].items()) policies.push_back(policy.as_string());
  return {entry["id"].as_string(),      record["principal"].as_string(),
          record["action"].as_string(), record["resource"].as_string(),
          record["effect"].as_string(), join(policies, " ")};
}

void print_audit(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& entry : body["entries"].items()) rows.push_back(audit_row(entry));
  print_table({"decision", "who", "action", "on", "effect", "policies"}, rows);
}

void print_proof(const Json& proof) {
  if (proof["is_intact"].as_bool()) {
    std::printf("intact: %lld decisions, head %s\n",
                static_cast<long long>(proof["entries"].as_int()),
                proof["head"].as_string().c_str());
  } else {
    std::printf("BROKEN: %s\n", proof["first_mismatch"].as_string().c_str());
  }
}

void print_keys(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& key : body["keys"].items()) {
    std::vector<std::string> roles;
    for (const Json& role : key["roles"].items()) roles.push_back(role.as_string());
    rows.push_back({key["id"].as_string(), key["name"].as_string(), join(roles, " "),
                    key["is_revoked"].as_bool() ? "revoked" : "valid"});
  }
  print_table({"key", "name", "roles", "state"}, rows);
}

Result<Json> check_policies(const std::string& path) {
  const std::string text = TRY(read_text(path));
  const guard::PolicySet policies = TRY(guard::PolicySet::parse(text));
  Json list = Json::array();
  for (const auto& policy : policies.summaries()) {
    Json annotations = Json::object();
    for (const auto& annotation : policy.annotations) {
      annotations.set(annotation.key, annotation.value);
    }
    list.push(Json::object(
        {{"id", policy.id}, {"effect", policy.effect}, {"annotations", std::move(annotations)}}));
  }
  return Json::object({{"policies", std::move(list)}});
}

}  // namespace

void policy_list(CLI::App& app, Context& context) {
  app.callback(
      [&context] { show(context, NodeClient(context).get("/api/policies"), print_policies); });
}

void policy_check(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::string>();
  app.add_option("FILE", *path, "policy file, or - for standard input")->required();
  app.callback([&context, path] { show(context, check_policies(*path), print_policies); });
}

void policy_put(CLI::App& app, Context& context) {
  struct Options {
    std::string name;
    std::string path;
  };
  auto options = std::make_shared<Options>();
  app.add_option("NAME", options->name, "name the text is stored under")->required();
  app.add_option("FILE", options->path, "policy file, or - for standard input")->required();
  app.callback([&context, options] {
    auto text = read_text(options->path);
    if (text.is_error()) return fail(context, text.error());
    show(context,
         NodeClient(context).put("/api/policies/" + path_segment(options->name),
                                 Json::object({{"text", *text}})),
         print_fields);
  });
}

void policy_remove(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  app.add_option("NAME", *name, "name of the stored text")->required();
  app.callback([&context, name] {
    show(context, NodeClient(context).remove("/api/policies/" + path_segment(*name)), print_fields);
  });
}

void audit_list(CLI::App& app, Context& context) {
  auto limit = std::make_shared<int>(50);
  app.add_option("--limit", *limit, "most decisions")->check(CLI::Range(1, 1000));
  app.callback([&context, limit] {
    show(context, NodeClient(context).get("/api/audit?limit=" + std::to_string(*limit)),
         print_audit);
  });
}

void audit_show(CLI::App& app, Context& context) {
  auto id = std::make_shared<std::string>();
  app.add_option("DECISION", *id, "id of the decision (dec_…)")->required();
  app.callback([&context, id] {
    show(context, NodeClient(context).get("/api/audit/entries/" + path_segment(*id)),
         print_decision);
  });
}

void audit_verify(CLI::App& app, Context& context) {
  app.callback([&context] {
    auto proof = NodeClient(context).get("/api/audit/proof");
    if (proof.is_ok() && !(*proof)["is_intact"].as_bool()) context.exit_code = 1;
    show(context, proof, print_proof);
  });
}

void keys_list(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, NodeClient(context).get("/api/keys"), print_keys); });
}

void keys_create(CLI::App& app, Context& context) {
  struct Options {
    std::string name;
    std::vector<std::string> roles = {"user"};
  };
  auto options = std::make_shared<Options>();
  app.add_option("NAME", options->name, "what the key is for")->required();
  app.add_option("--role", options->roles, "user, agent or operator; may be given again")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"user", "agent", "operator"}));
  app.callback([&context, options] {
    show(context,
         NodeClient(context).post(
             "/api/keys",
             Json::object({{"name", options->name}, {"roles", Json::array_of(options->roles)}})),
         [](const Json& key) {
           std::printf("%s\nThis secret is shown once: %s\n", key["id"].as_string().c_str(),
                       key["secret"].as_string().c_str());
         });
  });
}

void keys_revoke(CLI::App& app, Context& context) {
  auto id = std::make_shared<std::string>();
  app.add_option("KEY", *id, "id of the key (key_…)")->required();
  app.callback([&context, id] {
    show(context, NodeClient(context).remove("/api/keys/" + path_segment(*id)), print_fields);
  });
}

}  // namespace plinth::cli::commands
