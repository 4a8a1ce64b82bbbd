// SPDX-License-Identifier: Apache-2.0
// The one translation unit that compiles the TLS part of Asio, beside OpenSSL, which base does not
// link.
#include <boost/asio/ssl/impl/src.hpp>
