#include "app/run_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "base/log.hpp"

namespace throughline::app {
namespace {

constexpr int start_field = 22;  // of /proc/PID/stat, counted from 1

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::optional<std::uint64_t> start_of(std::int64_t pid) {
  return start_ticks(read_text(fmt::format("/proc/{}/stat", pid)));
}

std::filesystem::path path_in(const std::filesystem::path& data_dir) {
  return data_dir / "throughline.run";
}

}  // namespace

std::optional<std::uint64_t> start_ticks(const std::string& proc_stat) {
  // The second field is the command in parentheses, and may hold anything.
  const auto command_end = proc_stat.rfind(')');
  if (command_end == std::string::npos) return std::nullopt;
  std::istringstream rest(proc_stat.substr(command_end + 1));
  std::string skipped;
  for (int field = 3; field < start_field; ++field) rest >> skipped;
  std::uint64_t ticks = 0;
  rest >> ticks;
  if (!rest) return std::nullopt;
  return ticks;
}

run_file::run_file(const std::filesystem::path& data_dir, const std::string& url)
    : path_(path_in(data_dir)) {
  const auto pid = static_cast<std::int64_t>(getpid());
  const auto fresh = path_.string() + ".new";
  bool is_written = false;
  std::error_code failed;
  // Without SQLite nobody else needs the folder.
  std::filesystem::create_directories(data_dir, failed);
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << url << '\n' << pid << '\n' << start_of(pid).value_or(0) << '\n';
    out.flush();
    is_written = static_cast<bool>(out);
  }
  std::filesystem::permissions(
      fresh, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, failed);
  if (is_written) std::filesystem::rename(fresh, path_, failed);
  if (!is_written || failed)
    log::warning("the run file cannot be written", {{"file", path_.string()}});
}

run_file::~run_file() {
  const auto now = find_running_server(path_.parent_path());
  if (!now || now->pid != getpid()) return;
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

std::optional<running_server> find_running_server(const std::filesystem::path& data_dir) {
  std::ifstream in(path_in(data_dir), std::ios::binary);
  running_server found;
  std::uint64_t started = 0;
  if (!std::getline(in, found.url) || !(in >> found.pid >> started)) return std::nullopt;
  if (found.pid <= 0 || started == 0 || start_of(found.pid) != started) return std::nullopt;
  if (!found.url.starts_with("http://") && !found.url.starts_with("https://")) return std::nullopt;
  return found;
}

}  // namespace throughline::app
