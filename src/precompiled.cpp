// Asio, compiled once. It is here and not in aio/ because the precompiled header names it to every
// module.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
