// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"

namespace plinth::cli {

namespace {

CLI::App* group_of(CLI::App& app, const std::string& name) {
  static const std::map<std::string, std::string> kMeanings = {
      {"runs", "runs of agents"},        {"agents", "agents"},     {"memory", "memory spaces"},
      {"models", "models of a node"},    {"model", "model files"}, {"policy", "guard policies"},
      {"audit", "the log of decisions"}, {"keys", "API keys"},     {"nodes", "nodes"},
      {"bench", "measurements"},
  };
  for (CLI::App* existing : app.get_subcommands([](CLI::App*) { return true; })) {
    if (existing->get_name() == name) return existing;
  }
  CLI::App* group = app.add_subcommand(name, kMeanings.at(name));
  group->require_subcommand(1);
  return group;
}

void add_shared_options(CLI::App& command, Reach reach, Context& context) {
  command.add_flag("--json", context.is_json, "print JSON alone");
  if (reach != Reach::through_api) return;
  command.add_option("--url", context.url,
                     "address of the node; default PLINTH_URL or http://127.0.0.1:7070");
  command.add_option("--key", context.key, "API key; default PLINTH_API_KEY");
}

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::malformed:
    case ErrorCode::unsupported:
    case ErrorCode::too_large:
      return 2;
    case ErrorCode::unavailable:
      return 3;
    case ErrorCode::denied:
    case ErrorCode::unauthenticated:
    case ErrorCode::approval_required:
      return 4;
    default:
      return 1;
  }
}

// The first word that names no command, where a command's name has to stand.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with('-')) continue;
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) return std::nullopt;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : commands) {
      if (command->get_name() == word) next = command;
    }
    if (next == nullptr) return at == &app ? word : at->get_name() + " " + word;
    at = next;
  }
  return std::nullopt;
}

// Wrong usage: said in words, or as JSON for who asked for JSON.
int refuse_usage(const CLI::App& app, const CLI::ParseError& problem, int argc, char** argv) {
  Context context;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") context.is_json = true;
  }
  const auto unknown = unknown_command(app, argc, argv);
  std::string message = unknown ? "unknown command '" + *unknown + "'" : problem.what();
  message += "; `plinth --help` lists the commands, `plinth COMMAND --help` what one takes";
  fail(context, make_error(ErrorCode::invalid_argument, message));
  return context.exit_code;
}

}  // namespace

void fail(Context& context, const Error& error) {
  context.exit_code = exit_code_of(error);
  if (context.is_json) {
    const Json body = Json::object({{"error", Json::object({{"code", error_name(error.code)},
                                                            {"message", error.message},
                                                            {"param", error.param}})}});
    std::printf("%s\n", body.dump().c_str());
  } else {
    std::fprintf(stderr, "plinth: %s\n", printable(error.message).c_str());
  }
}

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  set_log_level(LogLevel::warning);
  Context context;
  CLI::App app(
      "Plinth serves models, remembers, runs agents that survive crashes, and guards every "
      "action.");
  app.name("plinth");
  app.add_flag("--json", context.is_json, "print JSON alone");
  app.set_version_flag("--version", "plinth 0.1.0");
  app.require_subcommand(1);
  app.fallthrough(false);
  for (const Command& command : command_table()) {
    const auto words = split(command.name, ' ');
    CLI::App* parent = words.size() == 2 ? group_of(app, std::string(words[0])) : &app;
    CLI::App* declared =
        parent->add_subcommand(std::string(words.back()), std::string(command.meaning));
    if (command.reach == Reach::hidden) declared->group("");
    add_shared_options(*declared, command.reach, context);
    command.declare(*declared, context);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return refuse_usage(app, error, argc, argv);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fprintf(stderr, "plinth: standard output cannot be written: %s\n", std::strerror(errno));
    return 1;
  }
  return context.exit_code;
}

}  // namespace plinth::cli
