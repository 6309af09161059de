// SPDX-License-Identifier: Apache-2.0
#include "embstore/money.h"

embstore::Money Sum(embstore::Money money, embstore::Price price) {
#ifdef MISTAKE
  return money + price;
#else
  return money + embstore::CostOf(1, price);
#endif
}
