// SPDX-License-Identifier: Apache-2.0
// Public HTTP/1.1 probes (framing, smuggling, malformed input) against the server. Skipped where
// the probes are absent.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/json.h"
#include "http/server.h"
#include "http/server/test_peer.h"

namespace plinth::http {
namespace {

using std::chrono::milliseconds;

std::filesystem::path shared_folder() {
  const char* set = std::getenv("PLINTH_SHARED");
  return set != nullptr ? set : PLINTH_SOURCE_DIR "/../shared";
}

// The small site that the probes expect: a page, an echo, a cookie reader.
void probe_site(const ServerRequest& request, ResponseWriter writer) {
  if (request.method == "OPTIONS")
    return writer.respond(ServerResponse{204, {{"allow", "GET"}}, ""});
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    return writer.respond(ServerResponse{405, {{"allow", "GET, HEAD, POST"}}, ""});
  }
  if (request.path == "/cookie") {
    return writer.respond(ServerResponse::text(200, "foo=" + request.cookie("foo").value_or("")));
  }
  if (request.path == "/echo") {
    std::string text;
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
    return writer.respond(ServerResponse::text(200, text));
  }
  writer.respond(ServerResponse::text(200, request.method == "POST" ? request.body : "page"));
}

struct Outcome {
  int status = 0;  // 0: none came
  bool is_closed = false;
  std::string rest;  // after the first answer
  TestAnswer answer;
};

Outcome probe(uint16_t port, const std::string& request) {
  TestPeer peer(port);
  peer.send(request);
  Outcome outcome;
  const auto method =
      request.starts_with("HEAD ") ? TestPeer::Method::head : TestPeer::Method::other;
  do {
    outcome.answer = peer.read_answer(method, milliseconds(400));
  } while (outcome.answer.status == 100);
  outcome.status = outcome.answer.status;
  // A refusal is followed by the end of the connection as soon as this side ends too.
  peer.shutdown_send();
  outcome.is_closed = peer.is_closed_within(milliseconds(400));
  outcome.rest = peer.received();
  return outcome;
}

// What a probe allows, from its own words: "400/501 or 2xx+close", "StatusCodeRange.Exact(400)",
// "!101".
struct Allowed {
  std::set<int> statuses;
  bool is_success = false;
  bool is_silence = false;  // closing, or waiting for more bytes
  int forbidden = 0;
};

Allowed allowed_by(const Json& probe_case) {
  std::string text = probe_case["expected"].as_string();
  Allowed allowed;
  const std::string& exact = probe_case["expected_status"].as_string();
  if (!exact.empty()) {
    text = exact.ends_with("2xx") ? "2xx" : exact.substr(exact.find('('));
    allowed.is_silence = probe_case["allow_close"].as_bool();
  }
  for (const char* word : {"close", "timeout"}) {
    if (text.find(word) != std::string::npos) allowed.is_silence = true;
  }
  if (text.find("2xx") != std::string::npos) allowed.is_success = true;
  if (text.starts_with("Reject") || text.starts_with("IMF") || text == "not 414") {
    allowed.is_success = true;
    allowed.statuses.insert(400);
  }
  const bool is_negated = text.starts_with("!") || text.starts_with("non-");
  for (size_t at = text.find_first_of("0123456789"); at != std::string::npos;
       at = text.find_first_of("0123456789", at + 3)) {
    const int status = std::atoi(text.c_str() + at);
    if (status < 100 || status > 599) continue;
    if (is_negated && allowed.forbidden == 0) {
      allowed.forbidden = status;
    } else {
      allowed.statuses.insert(status);
    }
  }
  return allowed;
}

bool is_allowed(const Allowed& allowed, const Outcome& outcome) {
  // 413 is the 400 that says why.
  if (outcome.status == 413 && allowed.statuses.contains(400)) return true;
  if (allowed.forbidden != 0) return outcome.status != 0 && outcome.status != allowed.forbidden;
  if (outcome.status == 0) return allowed.is_silence;
  return allowed.statuses.contains(outcome.status) ||
         (allowed.is_success && outcome.status / 100 == 2);
}

// The rest of what a probe's words ask, where a status alone does not say it.
bool has_form(const std::string& words, const std::string& request, const Outcome& outcome) {
  if (outcome.status / 100 != 2 && outcome.status != 405) return true;
  const TestAnswer& answer = outcome.answer;
  if (words.find("+ echo") != std::string::npos) return answer.body.starts_with("hello");
  if (words.find("no body") != std::string::npos) return answer.body.empty();
  if (words.find("Allow header") != std::string::npos) return !answer.field("allow").empty();
  if (words.find("Content-Type") != std::string::npos) return !answer.field("content-type").empty();
  if (words.find("without CL") != std::string::npos) return answer.field("content-length").empty();
  if (words.find("IMF-fixdate") != std::string::npos) return answer.field("date").size() == 29;
  if (words.find("foo=bar in body") != std::string::npos) return answer.body.find("foo=bar") == 0;
  if (words.find("Cookie in body") != std::string::npos) {
    return answer.body.find("foo=bar") != std::string::npos;
  }
  return !request.empty();
}

// Two probes are about the length of the URL, which their stored text leaves out.
std::string request_of(const Json& probe_case) {
  std::string request = probe_case["request"].as_string();
  size_t length = 0;
  if (probe_case["id"].as_string() == "MAL-LONG-URL") length = 100'000;
  if (probe_case["id"].as_string() == "COMP-LONG-URL-OK") length = 7'900;
  if (length > 0) request.insert(request.find("/ ") + 1, std::string(length, 'a'));
  return request;
}

TEST(ServerConformance, passes_the_public_probes) {
  std::ifstream file(shared_folder() / "data/http/cases.json", std::ios::binary);
  if (!file) GTEST_SKIP() << "no probes at " << shared_folder();
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const Json cases = MUST(Json::parse(text), "the probes are JSON");
  const auto server = MUST(Server::create({}, probe_site), "a free loopback port can be bound");
  int sent = 0;
  for (const Json& probe_case : cases.items()) {
    if (!probe_case["request_exact"].as_bool()) continue;  // made by a program, not a text
    const std::string& id = probe_case["id"].as_string();
    const std::string request = request_of(probe_case);
    const Outcome outcome = probe(server->port(), request);
    ++sent;
    EXPECT_TRUE(is_allowed(allowed_by(probe_case), outcome))
        << id << ": status " << outcome.status << ", expected " << probe_case["expected"].dump()
        << probe_case["expected_status"].dump();
    EXPECT_TRUE(has_form(probe_case["expected"].as_string(), request, outcome)) << id;
    // One request gets one answer: bytes after it were not taken for another.
    EXPECT_EQ(outcome.rest, "") << id;
  }
  EXPECT_GT(sent, 70);
}

}  // namespace
}  // namespace plinth::http
