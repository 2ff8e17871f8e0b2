#include "app/port_owner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "app/text_values.hpp"

namespace throughline::app {
namespace {

constexpr std::string_view listen_state = "0A";

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base) {
  Number number{};
  const auto* const begin = text.data();
  const auto* const end = begin + text.size();
  const auto [stopped, failure] = std::from_chars(begin, end, number, base);
  if (failure != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (true) {
    line = trim(line);
    if (line.empty()) return found;
    const auto end = std::min(line.find(' '), line.size());
    found.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::string read_proc(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool holds_one_of(const std::filesystem::path& process, const std::set<std::uint64_t>& inodes) {
  std::error_code failed;
  std::filesystem::directory_iterator entries(process / "fd", failed);
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    std::error_code unreadable;
    const auto link = std::filesystem::read_symlink(entries->path(), unreadable);
    const auto inode = unreadable ? std::nullopt : socket_inode(link.string());
    if (inode && inodes.contains(*inode)) return true;
  }
  return false;
}

/// The program's name, and not its arguments: those are its own business.
std::string command_of(const std::filesystem::path& process) {
  return std::string(trim(read_proc(process / "comm")));
}

}  // namespace

std::set<std::uint64_t> listening_inodes(std::string_view proc_net_tcp, std::uint16_t port) {
  std::set<std::uint64_t> inodes;
  while (!proc_net_tcp.empty()) {
    const auto end = std::min(proc_net_tcp.find('\n'), proc_net_tcp.size());
    const auto fields = words(proc_net_tcp.substr(0, end));
    proc_net_tcp.remove_prefix(std::min(end + 1, proc_net_tcp.size()));
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    if (fields.size() < 10 || fields[3] != listen_state) continue;
    const auto colon = fields[1].find(':');
    if (colon == std::string_view::npos) continue;
    const auto local = parse_number<std::uint16_t>(fields[1].substr(colon + 1), 16);
    const auto inode = parse_number<std::uint64_t>(fields[9], 10);
    if (local == port && inode && *inode != 0) inodes.insert(*inode);
  }
  return inodes;
}

std::optional<std::uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view begin = "socket:[";
  if (!link.starts_with(begin) || !link.ends_with(']')) return std::nullopt;
  return parse_number<std::uint64_t>(link.substr(begin.size(), link.size() - begin.size() - 1), 10);
}

std::optional<pid_t> find_port_process(std::uint16_t port) {
  auto inodes = listening_inodes(read_proc("/proc/net/tcp"), port);
  inodes.merge(listening_inodes(read_proc("/proc/net/tcp6"), port));
  if (inodes.empty()) return std::nullopt;
  std::error_code failed;
  std::filesystem::directory_iterator processes("/proc", failed);
  for (; !failed && processes != std::filesystem::directory_iterator();
       processes.increment(failed)) {
    const auto& path = processes->path();
    const auto id = parse_number<pid_t>(path.filename().string(), 10);
    if (id && holds_one_of(path, inodes)) return id;
  }
  return std::nullopt;
}

std::optional<std::string> find_port_owner(std::uint16_t port) {
  const auto id = find_port_process(port);
  if (!id) return std::nullopt;
  return fmt::format("process {} ({})", *id, command_of(fmt::format("/proc/{}", *id)));
}

}  // namespace throughline::app
