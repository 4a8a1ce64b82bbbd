// SPDX-License-Identifier: Apache-2.0
#include "cli/run_view.h"

#include <cstdio>

#include "base/clock.h"
#include "base/text.h"
#include "cli/output.h"

namespace plinth::cli {

namespace {

constexpr size_t kTextBytesMax = 100;

// Texts of models, tools and people are others' words.
std::string one_line(const std::string& text) {
  std::string out;
  for (const char c : printable(shorten(text, kTextBytesMax))) out += c == '\n' ? ' ' : c;
  return out;
}

std::string model_says(const Json& entry) {
  std::string out;
  for (const Json& call : entry["tool_calls"].items()) {
    out += " wants " + call["name"].as_string() + one_line(call["arguments"].as_string());
  }
  if (out.empty()) out = " says \"" + one_line(entry["text"].as_string()) + "\"";
  return "the model" + out;
}

std::string when(const Json& unix_ms) { return WallTime{unix_ms.as_int()}.iso8601(); }

}  // namespace

std::string describe_run_entry(const Json& entry) {
  const std::string& kind = entry["kind"].as_string();
  const std::string& tool = entry["tool"].as_string();
  if (kind == "run.started") return "goal: " + one_line(entry["goal"].as_string());
  if (kind == "run.resumed") return "the node came back and took the run up";
  if (kind == "step.intended") {
    const Json& effect = entry["effect"];
    if (effect["kind"].as_string() == "model")
      return "ask the model " + effect["model"].as_string();
    return "call " + effect["tool"].as_string() + one_line(effect["arguments"].dump()) +
           " under key " + effect["key"].as_string();
  }
  if (kind == "step.returned") {
    if (const Json* error = entry.find("error"))
      return "failed: " + (*error)["message"].as_string();
    if (tool.empty()) return model_says(entry);
    return tool + " answered \"" + one_line(entry["text"].as_string()) + "\"";
  }
  if (kind == "step.denied") return tool + " DENIED: " + entry["reason"].as_string();
  if (kind == "step.refused") return tool + " refused: " + entry["reason"].as_string();
  if (kind == "timer.set") return "waits until " + when(entry["due"]);
  if (kind == "timer.fired") return "the time has come";
  if (kind == "step.unknown") return tool + ": outcome unknown after a crash";
  if (kind == "approval.requested") return "waits for a person: " + entry["question"].as_string();
  if (kind == "approval.answered") {
    return entry["by"].as_string() + (entry["is_granted"].as_bool() ? " granted" : " refused");
  }
  if (kind == "run.completed") return "answer: " + one_line(entry["answer"].as_string());
  if (kind == "run.failed") return "failed: " + entry["failure"].as_string();
  if (kind == "run.cancel_requested") return entry["by"].as_string() + " asked to cancel";
  if (kind == "run.cancelled") return "cancelled";
  if (kind == "erased") return "this entry was erased";
  return one_line(entry.dump());
}

void print_run(const Json& run) {
  std::printf("%s %s after %lld steps and %lld tokens\n", run["id"].as_string().c_str(),
              run["state"].as_string().c_str(), static_cast<long long>(run["steps"].as_int()),
              static_cast<long long>(run["tokens"].as_int()));
  if (!run["answer"].as_string().empty()) {
    std::printf("answer: %s\n", printable(run["answer"].as_string()).c_str());
  }
  if (!run["failure"].as_string().empty()) {
    std::printf("failure: %s\n", printable(run["failure"].as_string()).c_str());
  }
  const Json& pending = run["pending_approval"];
  if (!pending["question"].as_string().empty()) {
    std::printf("waits for a person: %s\n  %s%s\n  `plinth runs approve %s` or `… --refuse`\n",
                printable(pending["question"].as_string()).c_str(),
                pending["tool"].as_string().c_str(), pending["arguments"].dump().c_str(),
                run["id"].as_string().c_str());
  }
}

void print_run_entry(const Json& entry) {
  const Json& body = entry["entry"];
  std::string step;
  if (body["step"].is_integer()) step = "step " + std::to_string(body["step"].as_int());
  std::printf("%4lld  %-18s %-8s %s\n", static_cast<long long>(entry["sequence"].as_int()),
              printable(body["kind"].as_string()).c_str(), step.c_str(),
              printable(describe_run_entry(body)).c_str());
}

void print_decision(const Json& leaf) {
  const Json& record = leaf["record"];
  std::printf("%s: %s %s on %s -> %s\n", leaf["id"].as_string().c_str(),
              record["principal"].as_string().c_str(), record["action"].as_string().c_str(),
              printable(record["resource"].as_string()).c_str(),
              record["effect"].as_string().c_str());
  std::printf("  because %s\n", printable(record["reason"].as_string()).c_str());
  for (const Json& policy : record["policies"].items()) {
    std::printf("  policy  %s\n", policy.as_string().c_str());
  }
  std::printf("  leaf    %lld of the audit log, hash %s\n",
              static_cast<long long>(leaf["index"].as_int()), leaf["hash"].as_string().c_str());
}

}  // namespace plinth::cli
