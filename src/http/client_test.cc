// SPDX-License-Identifier: Apache-2.0
// The client against our server and against servers that misbehave.
#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http/server/test_peer.h"
#include "http/sse.h"

namespace plinth::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

std::unique_ptr<Server> serve(Handler handler) {
  return MUST(Server::create({}, std::move(handler)), "a free loopback port can be bound");
}

std::string url_of(uint16_t port, std::string_view target = "/") {
  return "http://127.0.0.1:" + std::to_string(port) + std::string(target);
}

ClientRequest get(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return request;
}

// Accepts one connection, sends the given bytes after the request's header came, then keeps it
// open.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::string answer) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      char buffer[4096];
      std::string request;
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(peer, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        request.append(buffer, static_cast<size_t>(count));
      }
      ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      while (::recv(peer, buffer, sizeof buffer, 0) > 0) continue;
      ::close(peer);
    });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  uint16_t port() const { return port_; }

 private:
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST(Client, sends_a_request_and_returns_the_answer) {
  const auto server = serve([](const ServerRequest& request, ResponseWriter writer) {
    writer.respond(ServerResponse{
        201,
        {{"X-Seen", request.method + " " + request.target + " " + request.header("x-a").value() +
                        " " + request.header("host").value()}},
        request.body});
  });
  ClientRequest request = get(url_of(server->port(), "/p?q=1"));
  request.method = "POST";
  request.headers = {{"X-A", "1"}};
  request.body = std::string(3u << 20, 'b');
  const auto response = create_client()->send(request, Cancellation());
  ASSERT_TRUE(response.is_ok()) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->header("x-seen"),
            "POST /p?q=1 1 127.0.0.1:" + std::to_string(server->port()));
  EXPECT_EQ(response->body, request.body);
}

TEST(Client, follows_no_redirect_and_calls_no_status_an_error) {
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.respond(ServerResponse{302, {{"location", "http://127.0.0.1:1/"}}, ""});
  });
  const auto response = create_client()->send(get(url_of(server->port())), Cancellation());
  ASSERT_TRUE(response.is_ok());
  EXPECT_EQ(response->status, 302);
}

TEST(Client, streams_events_as_they_come) {
  std::atomic<int> seen{0};
  std::atomic<bool> is_prompt{true};
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, {{"content-type", "text/event-stream"}});
    for (int i = 0; i < 1000; ++i) {
      writer.write(encode_sse_data(std::to_string(i)));
      if (i % 100 != 0) continue;
      const auto until = Clock::now() + seconds(2);
      while (seen <= i && Clock::now() < until) std::this_thread::sleep_for(milliseconds(1));
      is_prompt = is_prompt && seen > i;
    }
    writer.end();
  });
  SseParser parser;
  const auto response = create_client()->stream(
      get(url_of(server->port())),
      [&](std::string_view bytes) {
        const auto events = parser.feed(bytes);
        EXPECT_TRUE(events.is_ok());
        for (const SseEvent& event : *events) {
          EXPECT_EQ(event.data, std::to_string(seen));
          ++seen;
        }
        return true;
      },
      Cancellation());
  ASSERT_TRUE(response.is_ok()) << response.error().message;
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(seen, 1000);
  EXPECT_TRUE(is_prompt);
}

TEST(Client, stops_reading_a_stream_when_told_and_the_server_sees_it) {
  std::atomic<bool> is_closed{false};
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, {});
    writer.on_close([&] { is_closed = true; });
    for (int i = 0; i < 5000 && writer.write("x"); ++i) {
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  const auto response = create_client()->stream(
      get(url_of(server->port())), [](std::string_view) { return false; }, Cancellation());
  EXPECT_TRUE(response.is_ok());
  const auto until = Clock::now() + seconds(2);
  while (!is_closed && Clock::now() < until) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(is_closed);
}

TEST(Client, returns_an_error_answer_to_a_stream_whole) {
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.respond(ServerResponse::json(429, "{\"error\":1}"));
  });
  const auto response = create_client()->stream(
      get(url_of(server->port())),
      [](std::string_view) {
        ADD_FAILURE() << "an error body was streamed";
        return true;
      },
      Cancellation());
  ASSERT_TRUE(response.is_ok());
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->body, "{\"error\":1}");
}

TEST(Client, refuses_an_answer_larger_than_the_limit) {
  const auto server = serve([](const ServerRequest& request, ResponseWriter writer) {
    if (request.path == "/whole") {
      return writer.respond(ServerResponse::text(200, std::string(5000, 'x')));
    }
    writer.begin_stream(200, {});
    writer.write(std::string(5000, 'x'));
  });
  for (const char* path : {"/whole", "/chunked"}) {
    ClientRequest request = get(url_of(server->port(), path));
    request.body_bytes_max = 4999;
    const auto response = create_client()->send(request, Cancellation());
    ASSERT_TRUE(response.is_error());
    EXPECT_EQ(response.error().code, ErrorCode::too_large);
  }
}

TEST(Client, names_the_phase_that_took_too_long) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "first byte"}, {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "more bytes"}};
  for (const auto& [answer, phase] : cases) {
    ScriptedServer server(answer);
    ClientRequest request = get(url_of(server.port()));
    request.first_byte_max = request.between_bytes_max = milliseconds(100);
    const auto start = Clock::now();
    const auto response = create_client()->send(request, Cancellation());
    ASSERT_TRUE(response.is_error());
    EXPECT_EQ(response.error().code, ErrorCode::deadline_exceeded);
    EXPECT_NE(response.error().message.find(phase), std::string::npos) << response.error().message;
    EXPECT_LT(Clock::now() - start, seconds(2));
  }
}

TEST(Client, sees_a_cancellation_soon) {
  ScriptedServer server("HTTP/1.1 200 OK\r\n\r\nbegun");
  Cancellation cancellation;
  Clock::time_point cancelled_at;
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(100));
    cancelled_at = Clock::now();
    cancellation.cancel();
  });
  const auto response = create_client()->send(get(url_of(server.port())), cancellation);
  const auto seen_at = Clock::now();
  canceller.join();
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::cancelled);
  EXPECT_LT(seen_at - cancelled_at, milliseconds(200));  // 20 ms on a quiet machine
}

TEST(Client, says_unavailable_when_nobody_listens) {
  uint16_t port = 0;
  {
    port = serve([](const ServerRequest&, ResponseWriter) {})->port();
  }
  const auto response = create_client()->send(get(url_of(port)), Cancellation());
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  const auto unknown = create_client()->send(get("http://no-such-host.invalid/"), Cancellation());
  ASSERT_TRUE(unknown.is_error());
  EXPECT_EQ(unknown.error().code, ErrorCode::unavailable);
}

TEST(Client, connects_to_no_address_that_it_may_not) {
  std::atomic<int> handled{0};
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    ++handled;
    writer.respond(ServerResponse::text(200, "ok"));
  });
  ClientRequest request = get("http://localhost:" + std::to_string(server->port()) + "/");
  std::vector<std::string> asked;
  request.may_connect = [&](const std::string& address) {
    asked.push_back(address);
    return false;
  };
  const auto refused = create_client()->send(request, Cancellation());
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_EQ(asked, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(handled, 0);
  request.may_connect = [](const std::string& address) { return address == "127.0.0.1"; };
  EXPECT_TRUE(create_client()->send(request, Cancellation()).is_ok());
  EXPECT_EQ(handled, 1);
}

TEST(Client, says_upstream_failed_when_the_answer_is_broken_or_cut) {
  for (const char* answer : {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}) {
    ScriptedServer server(answer);
    const auto response = create_client()->send(get(url_of(server.port())), Cancellation());
    ASSERT_TRUE(response.is_error());
    EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
  }
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, {});
    writer.write(std::string(1000, 'x'));
    std::this_thread::sleep_for(milliseconds(50));
    // Beyond the buffer with bytes waiting: the stream is cut before its end.
    while (writer.write(std::string(600u << 10, 'x'))) continue;
  });
  size_t received = 0;
  const auto response = create_client()->stream(
      get(url_of(server->port())),
      [&](std::string_view bytes) {
        if (received == 0) std::this_thread::sleep_for(milliseconds(300));
        received += bytes.size();
        return true;
      },
      Cancellation());
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
  EXPECT_GT(received, 0u);
}

TEST(Client, lets_no_header_field_smuggle_another) {
  const auto client = create_client();
  for (const Headers& headers : {Headers{{"x-a", "1\r\nx-b: 2"}}, Headers{{"x a", "1"}},
                                 Headers{{"Host", "b"}}, Headers{{"content-length", "0"}}}) {
    ClientRequest request = get("http://127.0.0.1:1/");
    request.headers = headers;
    const auto response = client->send(request, Cancellation());
    ASSERT_TRUE(response.is_error());
    EXPECT_EQ(response.error().code, ErrorCode::invalid_argument);
  }
  ClientRequest request = get("http://127.0.0.1:1/");
  request.method = "GET /x";
  EXPECT_EQ(client->send(request, Cancellation()).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace plinth::http
