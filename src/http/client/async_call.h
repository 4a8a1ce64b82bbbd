// SPDX-License-Identifier: Apache-2.0
// One started call: finds or makes a connection, sends, reads, gives the connection back. A state
// machine on the loop of its lane.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "http/client.h"
#include "http/client/lane.h"
#include "http/client/response_reader.h"

namespace plinth::http {

class AsyncCall final : public ClientCall,
                        public Link::User,
                        public std::enable_shared_from_this<AsyncCall> {
 public:
  using TimePoint = ClientLane::TimePoint;

  AsyncCall(std::shared_ptr<ClientLane> lane, ClientRequest request, CallHandlers handlers)
      : lane_(std::move(lane)), request_(std::move(request)), handlers_(std::move(handlers)) {}

  // From any thread; begins at once on the loop itself.
  void start();
  void cancel() override;
  void pause() override;
  void resume() override;

  // On the loop, all that follows.
  void abort();  // as cancel
  // Ends the call when its phase took too long; when to look again.
  TimePoint check_time(TimePoint now);
  void on_link_bytes(std::string_view bytes) override;
  void on_link_end(const Wire::SystemError& error) override;

 private:
  // draining: the call has ended for its caller, the rest of the answer is let go by.
  enum class Phase : uint8_t { idle, connecting, sending, reading, draining, ended };

  Status prepare();
  void begin();
  void connect();
  void on_addresses(const Result<Endpoints>& endpoints);
  void connect_next();
  void on_connected(const Wire::SystemError& error);
  void handshake();
  void send_over(std::shared_ptr<Link> link);
  void write_rest();
  void on_write_failed(const Wire::SystemError& error);
  void on_sent();
  void expect_bytes();
  // Over a new connection, where that does no harm; else the call fails.
  void send_again(const Wire::SystemError& error);
  void take_answer();
  void take_head();
  void complete();
  void drain();
  void fail(Error error);
  // Tells the caller; the call itself may go on to drain.
  void tell(Result<ClientResponse> result);
  void leave();
  Error too_large() const;
  void expect(Duration span, const char* step);

  const std::shared_ptr<ClientLane> lane_;
  ClientRequest request_;
  CallHandlers handlers_;
  Url url_;
  std::string origin_;  // with its scheme
  boost::asio::ssl::context* tls_ = nullptr;
  Phase phase_ = Phase::idle;
  std::string head_;    // and a small body
  size_t written_ = 0;  // of head and body together
  bool is_body_apart_ = false;
  bool is_begun_ = false;  // a byte of the request may be on its way
  bool is_sent_ = false;   // all of them, as far as this end knows
  std::optional<Error> write_error_;
  Endpoints endpoints_;
  size_t next_endpoint_ = 0;
  Wire::SystemError connect_error_;
  std::unique_ptr<Wire> wire_;  // while it connects
  std::shared_ptr<Link> link_;
  std::optional<ResponseReader> reader_;
  ClientResponse response_;
  bool has_head_ = false;
  bool is_streamed_ = false;
  bool is_answered_ = false;  // a byte came
  bool was_kept_ = false;     // the connection carried an earlier call
  bool is_paused_ = false;
  size_t drained_bytes_ = 0;
  TimePoint until_{};
  const char* step_ = "";
};

}  // namespace plinth::http
