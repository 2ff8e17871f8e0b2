// `throughline chat`: a chat in the terminal, over HTTP, with a running server.
#pragma once

#include <string>

namespace throughline::app {

struct chat_options {
  std::string url;  // empty: THROUGHLINE_URL, else the run file of the data directory, else the
                    // default address
  std::string data_dir;      // empty: as configured
  std::string conversation;  // empty: a new one with the first question
  std::string model;         // empty: the server's default
  bool resume = false;       // attach to an answer that is being written
};

/// Chats until the input ends, and returns the exit status: 0, 1 when an answer failed or the
/// server is away. When the input is not a terminal, all of it is one question, and nothing but the
/// answer goes to standard output.
[[nodiscard]] int run_chat(const chat_options& options);

}  // namespace throughline::app
