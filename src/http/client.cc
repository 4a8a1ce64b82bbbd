// SPDX-License-Identifier: Apache-2.0
// The client's door: an exchange on the caller's thread, or a call on an event loop.
#include "http/client.h"

#include <future>

#include "base/mutex.h"
#include "http/client/async_call.h"
#include "http/client/exchange.h"

namespace plinth::http {
namespace {

class ClientImpl final : public Client {
 public:
  explicit ClientImpl(const ClientOptions& options) {
    for (EventLoop* loop : options.loops) {
      lanes_.push_back(std::make_shared<ClientLane>(*loop, tls_));
    }
  }

  // Not under the lock: what is told here may start another call, which is refused.
  ~ClientImpl() override {
    for (const auto& lane : lanes()) close(lane);
    if (EventLoop* const loop = own_loop()) loop->stop();
  }

  Result<ClientResponse> send(const ClientRequest& request,
                              const Cancellation& cancellation) override {
    return exchange(request, nullptr, cancellation);
  }

  Result<ClientResponse> stream(const ClientRequest& request,
                                const std::function<bool(std::string_view)>& on_bytes,
                                const Cancellation& cancellation) override {
    return exchange(request, &on_bytes, cancellation);
  }

  std::shared_ptr<ClientCall> start(ClientRequest request, CallHandlers handlers) override {
    auto call = std::make_shared<AsyncCall>(lane(), std::move(request), std::move(handlers));
    call->start();
    return call;
  }

 private:
  Result<ClientResponse> exchange(const ClientRequest& request,
                                  const std::function<bool(std::string_view)>* on_bytes,
                                  const Cancellation& cancellation) {
    Url url = TRY(parse_url(request.url));
    boost::asio::ssl::context* tls = nullptr;
    if (url.scheme == "https") tls = TRY(tls_->context());
    return Exchange(request, std::move(url), tls, cancellation).run(on_bytes);
  }

  // The one of this thread's loop, else one after the other.
  std::shared_ptr<ClientLane> lane() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (lanes_.empty()) {
      own_loop_ = std::make_unique<EventLoop>();
      own_loop_->start();
      lanes_.push_back(std::make_shared<ClientLane>(*own_loop_, tls_));
    }
    for (const auto& lane : lanes_) {
      if (&lane->loop() == EventLoop::current()) return lane;
    }
    return lanes_[next_lane_++ % lanes_.size()];
  }

  std::vector<std::shared_ptr<ClientLane>> lanes() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return lanes_;
  }

  EventLoop* own_loop() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return own_loop_.get();
  }

  // Returns when all calls of the lane were told of their end. The wait has no limit: what still
  // runs on the loop may use what the client's owner destroys next.
  static void close(const std::shared_ptr<ClientLane>& lane) {
    if (EventLoop::current() == &lane->loop()) return lane->close();
    auto done = std::make_shared<std::promise<void>>();
    const auto closed = done->get_future();
    // The tasks alone own the promise, so a loop that drops them ends the wait.
    lane->post([lane, done = std::move(done)] {
      lane->close();
      // Behind the refusals that were posted before.
      lane->loop().post([done] { done->set_value(); });
    });
    closed.wait();
  }

  const std::shared_ptr<SharedTls> tls_ = std::make_shared<SharedTls>();
  Mutex mutex_;
  std::unique_ptr<EventLoop> own_loop_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<ClientLane>> lanes_ GUARDED_BY(mutex_);
  size_t next_lane_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<Client> create_client(ClientOptions options) {
  return std::make_unique<ClientImpl>(options);
}

}  // namespace plinth::http
