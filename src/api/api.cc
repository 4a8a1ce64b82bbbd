// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"

#include <charconv>

#include "api/endpoint.h"
#include "api/replies.h"
#include "api/routes.h"
#include "base/limits.h"
#include "base/text.h"

namespace plinth::api {

namespace {

constexpr Duration kRequestMax = std::chrono::minutes(10);
constexpr size_t kQuickBodyBytesMax = 64u << 10;  // read as JSON in well under a millisecond

std::optional<std::string> bearer_of(const http::ServerRequest& request) {
  if (const auto header = request.header("authorization")) {
    constexpr std::string_view kPrefix = "bearer ";
    if (header->size() > kPrefix.size() &&
        lower_ascii(std::string_view(*header).substr(0, kPrefix.size())) == kPrefix) {
      return std::string(trim(std::string_view(*header).substr(kPrefix.size())));
    }
    return std::string(trim(*header));
  }
  return request.header("x-api-key");
}

guard::CallerFacts caller_facts(const http::ServerRequest& request) {
  guard::CallerFacts facts;
  facts.host = request.header("host").value_or("");
  facts.origin = request.header("origin");
  facts.fetch_site = request.header("sec-fetch-site");
  facts.fetch_dest = request.header("sec-fetch-dest");
  facts.bearer = bearer_of(request);
  facts.console_token = request.cookie("plinth_console");
  facts.is_loopback = request.is_peer_loopback;
  return facts;
}

// The body of a call that has one must say it is JSON: a browser form cannot.
Status check_content_type(const http::ServerRequest& request) {
  if (request.method != "POST" && request.method != "PUT") return ok();
  if (request.body.empty()) return ok();
  const std::string given = lower_ascii(request.header("content-type").value_or(""));
  if (trim(split(given, ';').front()) == "application/json") return ok();
  return make_error(ErrorCode::unsupported_media_type, "content-type is '" + shorten(given, 64) +
                                                           "'; send the body as application/json");
}

guard::Request build_request(const Services& services, guard::Principal principal,
                             std::string request_id, const http::ServerRequest& http) {
  guard::Request request;
  request.label = guard::Label::of(guard::Source{"user", principal.id, guard::Trust::trusted});
  request.principal = std::move(principal);
  request.deadline = Deadline::after(services.clock, kRequestMax);
  request.request_id = std::move(request_id);
  if (const auto parent = http.header("traceparent")) {
    if (auto context = telemetry::TraceContext::parse(*parent); context.is_ok()) {
      request.trace = context->trace;
    }
  }
  return request;
}

http::ServerResponse refusal(const Error& error, Dialect dialect, const std::string& request_id) {
  const DialectRow& row = dialect_row(dialect);
  auto response = error_response(error, row.encode_error(error, request_id));
  return response;
}

}  // namespace

bool is_quick(const http::ServerRequest& request, const serving::Serving& serving) {
  return request.path == "/v1/chat/completions" && request.body.size() <= kQuickBodyBytesMax &&
         !serving.computes();
}

http::ServerResponse error_response(const Error& error, const std::string& path) {
  const DialectRow& row = dialect_row(find_route("", path).dialect);
  return error_response(error, row.encode_error(error, {}));
}

std::shared_ptr<const guard::DoorOptions> Api::door() const {
  MutexLock lock(mutex_);
  return door_;
}

void Api::set_door(guard::DoorOptions door) {
  auto changed = std::make_shared<const guard::DoorOptions>(std::move(door));
  MutexLock lock(mutex_);
  door_ = std::move(changed);
}

void Measured::done(int status) const {
  const double seconds = std::chrono::duration<double>(services->clock.now() - began).count();
  services->metrics.observe(telemetry::Metric::http_request_seconds, seconds,
                            {{"http_request_method", method},
                             {"http_route", route},
                             {"http_response_status_code", std::to_string(status)}});
}

void Api::handle(http::ServerRequest http, http::ResponseWriter writer) {
  const MonotonicTime began = services_.clock.now();
  std::string request_id = services_.ids.make("req");
  RouteMatch match = find_route(http.method, http.path);
  writer.set_header(std::string(dialect_row(match.dialect).request_id_header), request_id);
  if (match.route == nullptr) {
    const Error error =
        match.is_path_known
            ? make_error(ErrorCode::method_not_allowed,
                         "the method " + shorten(http.method, 16) + " is not offered at " +
                             shorten(http.path, 128) +
                             "; docs/reference/routes.md lists the methods")
            : make_error(ErrorCode::not_found, "no route " + shorten(http.path, 128) +
                                                   "; docs/reference/routes.md lists the routes");
    return writer.respond(refusal(error, match.dialect, request_id));
  }
  const Measured measured{&services_, match.route->method, match.route->pattern, began};
  const auto refuse = [&](const Error& error) {
    measured.done(error_row(error.code).http_status);
    writer.respond(refusal(error, match.dialect, request_id));
  };
  const auto door_options = this->door();
  const guard::DoorOptions& door = *door_options;
  guard::Principal principal;
  const guard::CallerFacts facts = caller_facts(http);
  if (match.route->access == Access::authenticated) {
    auto authenticated = guard::authenticate_caller(facts, door, services_.guard.keys());
    if (authenticated.is_error()) return refuse(authenticated.error());
    principal = std::move(authenticated).value();
  } else if (auto allowed = guard::check_host(facts, door); allowed.is_error()) {
    return refuse(allowed.error());
  }
  if (auto typed = check_content_type(http); typed.is_error()) return refuse(typed.error());
  guard::Request request =
      build_request(services_, std::move(principal), std::move(request_id), http);
  Call call{services_,         std::move(http), std::move(request), std::move(match.parameters),
            std::move(writer), measured,        match.dialect};
  if (match.route->access == Access::console) {
    call.parameters["console_token"] = door.console_token;
  }
  match.route->endpoint(std::move(call));
}

std::vector<RouteSummary> Api::routes() {
  std::vector<RouteSummary> out;
  for (const Route& route : route_table()) {
    out.push_back(
        {std::string(route.method), std::string(route.pattern), std::string(route.meaning)});
  }
  return out;
}

void answer(Call& call, const Result<Json>& result, int status) {
  if (result.is_error()) {
    call.measured.done(error_row(result.error().code).http_status);
    return call.writer.respond(refusal(result.error(), call.dialect, call.request.request_id));
  }
  call.measured.done(status);
  call.writer.respond(http::ServerResponse::json(status, result->dump()));
}

Result<Json> body_object(const Call& call) {
  Json body = TRY(Json::parse(call.http.body));
  if (!body.is_object()) {
    return make_error(ErrorCode::malformed,
                      "the body is a JSON " + std::string(body.type_name()) + "; send an object");
  }
  return body;
}

Result<size_t> limit_of(const Call& call, size_t fallback, size_t max) {
  const auto it = call.http.query.find("limit");
  if (it == call.http.query.end()) return fallback;
  size_t value = 0;
  const auto [end, error] =
      std::from_chars(it->second.data(), it->second.data() + it->second.size(), value);
  if (error != std::errc() || end != it->second.data() + it->second.size() || value == 0 ||
      value > max) {
    return make_error(ErrorCode::invalid_argument,
                      "limit is '" + shorten(it->second, 32) + "'; give a number from 1 to " +
                          std::to_string(max),
                      "limit");
  }
  return value;
}

}  // namespace plinth::api
