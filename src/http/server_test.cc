// SPDX-License-Identifier: Apache-2.0
// The server with real sockets: requests, answers, connections kept and closed.
#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http/server/test_peer.h"

namespace plinth::http {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<Server> serve(Handler handler, ServerOptions options = {}) {
  auto server = Server::create(options, std::move(handler));
  return MUST(std::move(server), "a free loopback port can be bound");
}

void echo(ServerRequest request, ResponseWriter writer) {
  writer.respond(
      ServerResponse::text(200, request.method + " " + request.path + " " + request.body));
}

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

TEST(Server, answers_requests_one_after_another_on_one_connection) {
  const auto server = serve(echo);
  TestPeer peer(server->port());
  for (const std::string path : {"/one", "/two"}) {
    ASSERT_TRUE(peer.send(get(path)));
    const TestAnswer answer = peer.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET " + path + " ");
    EXPECT_FALSE(answer.field("date").empty());
    EXPECT_EQ(answer.field("content-type"), "text/plain; charset=utf-8");
  }
}

TEST(Server, puts_a_set_header_into_whatever_answer_comes) {
  const auto server = serve([](ServerRequest request, ResponseWriter writer) {
    writer.set_header("x-id", "old");
    writer.set_header("x-id", "new");
    if (request.path == "/unanswered") return;
    if (request.path == "/stream") {
      writer.begin_stream(200, {{"X-Id", "its own"}});
      return writer.end();
    }
    ServerResponse response = ServerResponse::text(200, "a");
    response.headers.emplace_back("x-id", "its own");
    writer.respond(std::move(response));
  });
  for (const auto& [path, status] :
       {std::pair{"/whole", 200}, {"/stream", 200}, {"/unanswered", 500}}) {
    TestPeer peer(server->port());
    ASSERT_TRUE(peer.send(get(path)));
    const TestAnswer answer = peer.read_answer();
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.field("x-id"), "new") << path;
  }
}

TEST(Server, reads_a_request_that_comes_byte_by_byte) {
  const auto server = serve(echo);
  TestPeer peer(server->port());
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (const char byte : request) {
    ASSERT_TRUE(peer.send(std::string_view(&byte, 1)));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(peer.read_answer().body, "POST /p abc");
}

TEST(Server, answers_pipelined_requests_in_their_order) {
  const auto server = serve([](ServerRequest request, ResponseWriter writer) {
    if (request.path == "/slow") std::this_thread::sleep_for(milliseconds(100));
    echo(std::move(request), std::move(writer));
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(get("/slow") +
                        "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" + get("/c")));
  EXPECT_EQ(peer.read_answer().body, "GET /slow ");
  EXPECT_EQ(peer.read_answer().body, "POST /b hi");
  EXPECT_EQ(peer.read_answer().body, "GET /c ");
}

TEST(Server, tells_the_handler_the_query_the_peer_and_the_cookie) {
  const auto server = serve([](ServerRequest request, ResponseWriter writer) {
    writer.respond(
        ServerResponse::text(200, request.query["q"] + "|" + request.peer_address + "|" +
                                      (request.is_peer_loopback ? "loopback" : "remote") + "|" +
                                      request.cookie("token").value_or("none") + "|" +
                                      request.header("x-one").value_or("none")));
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(
      peer.send("GET /?q=a%20b&q=c HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n"
                "Cookie: x=y; token=t=1\r\n\r\n"));
  EXPECT_EQ(peer.read_answer().body, "a b|127.0.0.1|loopback|t=1|1");
}

TEST(Server, sends_no_body_for_head_and_for_204) {
  const auto server = serve([](ServerRequest request, ResponseWriter writer) {
    if (request.path == "/none") return writer.respond(ServerResponse{204, {}, "unwanted"});
    writer.respond(ServerResponse::text(200, "12345"));
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none") + get("/")));
  const TestAnswer head = peer.read_answer(TestPeer::Method::head);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("content-length"), "5");
  const TestAnswer none = peer.read_answer();
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(none.field("content-length"), "");
  EXPECT_EQ(peer.read_answer().body, "12345");
}

TEST(Server, asks_for_the_body_when_the_peer_waits_to_be_asked) {
  const auto server = serve(echo);
  TestPeer peer(server->port());
  ASSERT_TRUE(
      peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                "Expect: 100-continue\r\n\r\n"));
  EXPECT_EQ(peer.read_answer().status, 100);
  ASSERT_TRUE(peer.send("abc"));
  EXPECT_EQ(peer.read_answer().body, "POST / abc");
}

TEST(Server, closes_after_the_answer_when_the_peer_asks_for_it) {
  const auto server = serve(echo);
  for (const std::string request :
       {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    TestPeer peer(server->port());
    ASSERT_TRUE(peer.send(request));
    const TestAnswer answer = peer.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("connection"), "close");
    EXPECT_TRUE(peer.is_closed_within(milliseconds(1000)));
  }
}

TEST(Server, keeps_an_http10_connection_that_asks_for_it) {
  const auto server = serve(echo);
  TestPeer peer(server->port());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_EQ(peer.read_answer().field("connection"), "keep-alive");
  }
}

TEST(Server, answers_a_peer_that_only_closed_its_sending_side) {
  const auto server = serve([](ServerRequest request, ResponseWriter writer) {
    std::this_thread::sleep_for(milliseconds(50));
    echo(std::move(request), std::move(writer));
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(get("/")));
  peer.shutdown_send();
  EXPECT_EQ(peer.read_answer().body, "GET / ");
  EXPECT_TRUE(peer.is_closed_within(milliseconds(1000)));
}

TEST(Server, answers_500_for_a_handler_that_throws_or_drops_its_writer) {
  const auto server = serve([](const ServerRequest& request, const ResponseWriter&) {
    if (request.path == "/throw") throw std::runtime_error("a defect");
  });
  TestPeer peer(server->port());
  for (const char* path : {"/throw", "/drop"}) {
    ASSERT_TRUE(peer.send(get(path)));
    EXPECT_EQ(peer.read_answer().status, 500) << path;
  }
}

TEST(Server, uses_the_owners_shape_for_its_own_errors) {
  ServerOptions options;
  options.error_response = [](const Error& error, const std::string& path) {
    return ServerResponse::json(200, "{\"code\":\"" + std::string(error_name(error.code)) +
                                         "\",\"path\":\"" + path + "\"}");
  };
  const auto server = serve(echo, options);
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send("GET /a?b=c HTTP/1.1\r\n\r\n"));
  const TestAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.field("content-type"), "application/json");
  EXPECT_EQ(answer.body, R"({"code":"malformed","path":"/a"})");
  EXPECT_TRUE(peer.is_closed_within(milliseconds(3000)));
}

TEST(Server, lets_no_header_value_begin_another_field) {
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.respond(ServerResponse{
        200, {{"x-good", "1"}, {"x-bad", "1\r\nset-cookie: a=b"}, {"content-length", "99"}}, "ok"});
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(get("/")));
  const TestAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.field("x-good"), "1");
  EXPECT_EQ(answer.field("set-cookie"), "");
  EXPECT_EQ(answer.body, "ok");
}

TEST(Server, serves_two_hundred_connections_at_once) {
  std::atomic<int> handled{0};
  ServerOptions options;
  options.loops = 2;
  const auto server = serve(
      [&](ServerRequest request, ResponseWriter writer) {
        ++handled;
        echo(std::move(request), std::move(writer));
      },
      options);
  std::vector<std::unique_ptr<TestPeer>> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(std::make_unique<TestPeer>(server->port()));
    ASSERT_TRUE(peers.back()->send(get("/" + std::to_string(i))));
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(peers[static_cast<size_t>(i)]->read_answer().body, "GET /" + std::to_string(i) + " ");
  }
  EXPECT_EQ(handled, 200);
}

TEST(Server, names_the_port_that_is_in_use_and_the_address_that_is_none) {
  const auto server = serve(echo);
  ServerOptions options;
  options.port = server->port();
  const auto second = Server::create(options, echo);
  ASSERT_TRUE(second.is_error());
  EXPECT_EQ(second.error().code, ErrorCode::already_exists);
  EXPECT_NE(second.error().message.find(std::to_string(server->port())), std::string::npos);
  options.host = "no-such-host.example";
  const auto third = Server::create(options, echo);
  ASSERT_TRUE(third.is_error());
  EXPECT_EQ(third.error().code, ErrorCode::invalid_argument);
}

TEST(Server, lets_a_writer_outlive_it) {
  std::optional<ResponseWriter> kept;
  std::atomic<bool> is_kept{false};
  std::atomic<int> closed{0};
  auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.on_close([&] { ++closed; });
    kept.emplace(std::move(writer));
    is_kept = true;
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(get("/")));
  while (!is_kept) std::this_thread::sleep_for(milliseconds(1));
  server.reset();
  EXPECT_EQ(closed, 1);
  EXPECT_FALSE(kept->is_open());
  kept->respond(ServerResponse::text(200, "late"));
  kept->on_close([&] { ++closed; });
  kept.reset();
}

}  // namespace
}  // namespace plinth::http
