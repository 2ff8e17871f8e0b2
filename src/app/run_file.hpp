// DATA_DIR/throughline.run says where the running server is, so that `throughline chat` finds it.
// It names the process by its number and its start, so a file that a killed server left behind is
// known to be stale.
//
//   run file = url LF pid LF start-ticks LF
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace throughline::app {

struct running_server {
  std::string url;
  std::int64_t pid = 0;
};

/// Written by its constructor, whole or not at all, and removed by its destructor if it is still
/// this process's.
class run_file {
 public:
  /// A file that cannot be written is logged, not reported: the server works without.
  run_file(const std::filesystem::path& data_dir, const std::string& url);
  ~run_file();
  run_file(const run_file&) = delete;
  run_file& operator=(const run_file&) = delete;

 private:
  std::filesystem::path path_;
};

/// The server that runs on this data directory; nullopt if the file is missing, damaged, or names a
/// process that is gone.
[[nodiscard]] std::optional<running_server> find_running_server(
    const std::filesystem::path& data_dir);

/// When the process started, in the kernel's ticks since boot, from the text of /proc/PID/stat.
/// Pure.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(const std::string& proc_stat);

}  // namespace throughline::app
