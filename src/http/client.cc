// SPDX-License-Identifier: Apache-2.0
// The client's door: one exchange a call. Connections are not kept; an exchange is where a pool
// would lend one.
#include "http/client.h"

#include "base/mutex.h"
#include "http/client/exchange.h"

namespace plinth::http {
namespace {

class ClientImpl final : public Client {
 public:
  Result<ClientResponse> send(const ClientRequest& request,
                              const Cancellation& cancellation) override {
    return exchange(request, nullptr, cancellation);
  }

  Result<ClientResponse> stream(const ClientRequest& request,
                                const std::function<bool(std::string_view)>& on_bytes,
                                const Cancellation& cancellation) override {
    return exchange(request, &on_bytes, cancellation);
  }

 private:
  Result<ClientResponse> exchange(const ClientRequest& request,
                                  const std::function<bool(std::string_view)>* on_bytes,
                                  const Cancellation& cancellation) {
    Url url = TRY(parse_url(request.url));
    boost::asio::ssl::context* tls = nullptr;
    if (url.scheme == "https") tls = TRY(tls_context());
    return Exchange(request, std::move(url), tls, cancellation).run(on_bytes);
  }

  // Made once: reading the system's certificates takes milliseconds. Shared by all calls after
  // that.
  Result<boost::asio::ssl::context*> tls_context() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!tls_) tls_ = TRY(make_tls_context());
    return tls_.get();
  }

  Mutex mutex_;
  std::unique_ptr<boost::asio::ssl::context> tls_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Client> create_client() { return std::make_unique<ClientImpl>(); }

}  // namespace plinth::http
