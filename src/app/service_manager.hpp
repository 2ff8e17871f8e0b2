// Tells the service manager that started this process how far it is, so that `systemctl start`
// returns when the server is ready and not when it has begun. systemd (Type=notify) names a socket
// in NOTIFY_SOCKET; elsewhere there is none, and nothing happens.
#pragma once

#include <string_view>

namespace throughline::app {

/// Sends `state`, written as in sd_notify(3): "READY=1", "STOPPING=1". Never waits. False if nobody
/// listens, which is the usual case and no fault. Any thread.
bool tell_service_manager(std::string_view state);

}  // namespace throughline::app
