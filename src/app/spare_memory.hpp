// Gives memory that was freed back to the system. What ten thousand clients leave behind when they
// connect lies between what stays, and malloc keeps it: a third of what the process seems to need.
#pragma once

#include "aio/asio.hpp"

namespace throughline::app {

/// Looks every few seconds, for ever, and acts when much is free. Best on a loop that serves nobody:
/// it takes milliseconds, in which other threads may have to wait for an allocation.
[[nodiscard]] aio::awaitable<> give_back_spare_memory();

}  // namespace throughline::app
