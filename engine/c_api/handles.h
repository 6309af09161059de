// SPDX-License-Identifier: Apache-2.0
// What the handles of embstore.h are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "embstore/embstore.h"
#include "embstore/provider.h"
#include "embstore/query.h"
#include "embstore/store.h"

struct embstore_store {
  std::unique_ptr<embstore::Store> store;
};

struct embstore_split {
  embstore::SplitInfo info;
};

struct embstore_split_list {
  std::vector<embstore_split> items;
};

struct embstore_space {
  embstore::SpaceInfo info;
};

struct embstore_space_list {
  std::vector<embstore_space> items;
};

struct embstore_document {
  embstore::DocumentInfo info;
  std::string id;
  std::optional<std::string> text;
};

struct embstore_searcher {
  std::unique_ptr<embstore::Searcher> searcher;
};

struct embstore_provider {
  std::unique_ptr<embstore::Provider> provider;
};
