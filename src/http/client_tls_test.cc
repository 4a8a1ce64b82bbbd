// SPDX-License-Identifier: Apache-2.0
// The client over TLS: trusted and untrusted certificates, host names, old protocol versions, cut
// connections.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "http/client.h"
#include "http/server/test_peer.h"

namespace plinth::http {
namespace {

// A key and a certificate signed by itself, for the name localhost.
struct Certificate {
  Certificate() : key(EVP_EC_gen("P-256")), x509(X509_new()) {
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_version(x509, X509_VERSION_3);
    X509_set_pubkey(x509, key);
    X509_NAME* name = X509_get_subject_name(x509);
    const auto* text = reinterpret_cast<const unsigned char*>("plinth test");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
  }
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  EVP_PKEY* key;
  X509* x509;
};

// Serves one connection on a thread with blocking OpenSSL: one answer, or with `kept` one for each
// request until the client closes.
class TlsServer {
 public:
  enum class Ending { clean, cut, kept };
  TlsServer(const Certificate& certificate, std::string answer, Ending ending = Ending::clean,
            int version_max = TLS1_3_VERSION)
      : tls_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(tls_, certificate.x509);
    SSL_CTX_use_PrivateKey(tls_, certificate.key);
    SSL_CTX_set_min_proto_version(tls_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(tls_, version_max);
    SSL_CTX_set_security_level(tls_, 0);
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer), ending] { serve(answer, ending); });
  }
  ~TlsServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(tls_);
  }
  std::string url(const char* host) const {
    return std::string("https://") + host + ":" + std::to_string(port_) + "/";
  }
  const std::string& server_name() const { return server_name_; }

 private:
  void serve(const std::string& answer, Ending ending) {
    const int peer = ::accept(listener_, nullptr, nullptr);
    if (peer < 0) return;
    SSL* ssl = SSL_new(tls_);
    SSL_set_fd(ssl, peer);
    if (SSL_accept(ssl) == 1) {
      const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
      server_name_ = name != nullptr ? name : "";
      char buffer[4096];
      while (SSL_read(ssl, buffer, sizeof buffer) > 0) {
        SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
        if (ending != Ending::kept) break;
      }
      if (ending == Ending::clean) SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    ::close(peer);
  }

  SSL_CTX* tls_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::string server_name_;
  std::thread thread_;
};

class ClientTls : public testing::Test {
 protected:
  // The client trusts what the system trusts; for this process that is our certificate.
  void trust(const Certificate& certificate) {
    std::FILE* file = std::fopen(path_.c_str(), "w");
    ASSERT_NE(file, nullptr);
    PEM_write_X509(file, certificate.x509);
    std::fclose(file);
    setenv("SSL_CERT_FILE", path_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("SSL_CERT_FILE");
    std::filesystem::remove(path_);
  }
  static Result<ClientResponse> get(const std::string& url) {
    ClientRequest request;
    request.url = url;
    return create_client()->send(request, Cancellation());
  }
  static Result<ClientResponse> start(Client& client, const std::string& url) {
    ClientRequest request;
    request.url = url;
    std::promise<Result<ClientResponse>> end;
    client.start(std::move(request), {.on_end = [&](Result<ClientResponse> result) {
                   end.set_value(std::move(result));
                 }});
    return end.get_future().get();
  }

  const std::string path_ = (std::filesystem::temp_directory_path() /
                             ("plinth_tls_test_" + std::to_string(getpid()) + ".pem"))
                                .string();
};

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ClientTls, talks_to_a_server_with_a_trusted_certificate) {
  const Certificate certificate;
  trust(certificate);
  std::string server_name;
  {
    TlsServer server(certificate, kAnswer);
    const auto response = get(server.url("localhost"));
    ASSERT_TRUE(response.is_ok()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
    server_name = server.server_name();
  }
  EXPECT_EQ(server_name, "localhost");
}

TEST_F(ClientTls, refuses_a_certificate_nobody_vouches_for) {
  const Certificate trusted;
  const Certificate other;
  trust(trusted);
  TlsServer server(other, kAnswer);
  const auto response = get(server.url("localhost"));
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
  EXPECT_NE(response.error().message.find("not trusted"), std::string::npos);
}

TEST_F(ClientTls, refuses_a_trusted_certificate_of_another_host) {
  const Certificate certificate;
  trust(certificate);
  TlsServer server(certificate, kAnswer);
  const auto response = get(server.url("127.0.0.1"));
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
  EXPECT_NE(response.error().message.find("not trusted"), std::string::npos);
}

TEST_F(ClientTls, uses_a_connection_again_over_started_calls) {
  const Certificate certificate;
  trust(certificate);
  TlsServer server(certificate, kAnswer, TlsServer::Ending::kept);
  const auto client = create_client();
  for (int i = 0; i < 5; ++i) {
    const auto response = start(*client, server.url("localhost"));
    ASSERT_TRUE(response.is_ok()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
  }
}

TEST_F(ClientTls, refuses_a_trusted_certificate_of_another_host_in_a_started_call) {
  const Certificate certificate;
  trust(certificate);
  TlsServer server(certificate, kAnswer);
  const auto client = create_client();
  const auto response = start(*client, server.url("127.0.0.1"));
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
  EXPECT_NE(response.error().message.find("not trusted"), std::string::npos);
}

TEST_F(ClientTls, refuses_protocol_versions_before_1_2) {
  const Certificate certificate;
  trust(certificate);
  TlsServer server(certificate, kAnswer, TlsServer::Ending::clean, TLS1_1_VERSION);
  const auto response = get(server.url("localhost"));
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
}

TEST_F(ClientTls, does_not_take_a_cut_connection_for_the_end_of_the_answer) {
  const Certificate certificate;
  trust(certificate);
  const std::string unbounded = "HTTP/1.1 200 OK\r\n\r\npart of the answer";
  {
    TlsServer server(certificate, unbounded, TlsServer::Ending::cut);
    const auto response = get(server.url("localhost"));
    ASSERT_TRUE(response.is_error());
    EXPECT_EQ(response.error().code, ErrorCode::upstream_failed);
  }
  TlsServer server(certificate, unbounded, TlsServer::Ending::clean);
  const auto response = get(server.url("localhost"));
  ASSERT_TRUE(response.is_ok()) << response.error().message;
  EXPECT_EQ(response->body, "part of the answer");
}

}  // namespace
}  // namespace plinth::http
