// SPDX-License-Identifier: Apache-2.0
// The console's page and the stream of events it lives on.
#include "api/endpoint.h"
#include "base/hash.h"
#include "http/sse.h"

namespace plinth::api::endpoints {

namespace {

constexpr size_t kEventsBuffered = 256;
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action "
    "'none'";

// Everything one open event stream needs; kept alive by the callbacks that feed it.
struct EventStream {
  EventStream(http::ResponseWriter open, std::unique_ptr<store::Subscription> from)
      : writer(std::move(open)), subscription(std::move(from)) {}

  void pump() {
    MutexLock lock(mutex);
    while (auto event = subscription->try_next()) {
      const std::string payload = event->is_resync ? "{}" : event->payload;
      const std::string name = event->is_resync ? "resync" : event->topic;
      if (!writer.write(http::encode_sse({name, payload, ""}))) return;
    }
  }

  Mutex mutex;
  http::ResponseWriter writer;
  std::unique_ptr<store::Subscription> subscription;
};

}  // namespace

// The page itself holds nothing of a tenant; what it shows it fetches as the principal of its
// cookie. The token in ?token= is the one `up` printed; it becomes a cookie that scripts and other
// sites cannot read or send.
void console(Call call) {
  const auto token = call.http.query.find("token");
  const std::string& expected = call.parameter("console_token");
  if (token != call.http.query.end()) {
    if (expected.empty() || !equal_constant_time(token->second, expected)) {
      return answer(call, make_error(ErrorCode::unauthenticated,
                                     "the console token is wrong; `plinth up` prints the address "
                                     "with the right one"));
    }
    http::ServerResponse redirect;
    redirect.status = 303;
    redirect.headers = {{"location", "/"},
                        {"set-cookie", "plinth_console=" + expected +
                                           "; Path=/; HttpOnly; SameSite=Strict; Max-Age=86400"}};
    return call.writer.respond(std::move(redirect));
  }
  auto page =
      http::ServerResponse::text(200, call.services.console_page, "text/html; charset=utf-8");
  page.headers.emplace_back("content-security-policy", std::string(kPagePolicy));
  page.headers.emplace_back("x-content-type-options", "nosniff");
  page.headers.emplace_back("referrer-policy", "no-referrer");
  call.writer.respond(std::move(page));
}

void events(Call call) {
  const guard::Decision decision = call.services.guard.authorizer().authorize(
      call.request, guard::Action{guard::ActionKind::node_read, "node", "events"});
  if (auto allowed = guard::require_allowed(decision); allowed.is_error()) {
    return answer(call, allowed.error());
  }
  auto subscription = call.services.events.subscribe("", kEventsBuffered);
  call.writer.begin_stream(200,
                           {{"content-type", "text/event-stream"}, {"cache-control", "no-store"}});
  call.writer.write(": open\n\n");
  auto stream = std::make_shared<EventStream>(std::move(call.writer), std::move(subscription));
  // The writer's close callback owns the stream; the subscription's callback only looks at it.
  std::weak_ptr<EventStream> seen = stream;
  stream->subscription->on_ready([seen] {
    if (auto alive = seen.lock()) alive->pump();
  });
  stream->writer.on_close([stream]() mutable { stream.reset(); });
}

}  // namespace plinth::api::endpoints
