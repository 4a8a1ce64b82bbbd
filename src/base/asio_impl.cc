// SPDX-License-Identifier: Apache-2.0
// The one translation unit that compiles Asio itself (BOOST_ASIO_SEPARATE_COMPILATION is set by the
// build).
#include <boost/asio/impl/src.hpp>
