// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "embstore/overview.h"
#include "engine/base/text.h"
#include "engine/json/json_writer.h"

namespace embstore {
namespace {

void WriteSplit(const Overview& overview, const Overview::Split& split, JsonWriter* json) {
  const SpaceInfo* const space = overview.FindSpace(split.space);
  json->BeginObject();
  json->Key("name").String(split.split.name);
  json->Key("documents").Uint(split.split.record.documents);
  json->Key("embedded").Uint(split.coverage.embedded);
  json->Key("missing").Uint(split.Missing());
  json->Key("imported").Uint(split.coverage.imported);
  json->Key("space");
  split.space ? json->String(ToHex(*split.space)) : json->Null();
  json->Key("model");
  space != nullptr ? json->String(space->record.identity.model) : json->Null();
  json->Key("export").String(ExportStateName(split.exported.state));
  json->Key("last_processed_index").Uint(split.coverage.last_position);
  json->Key("batch_size").Uint(split.coverage.batch_size);
  json->Key("total_batches").Uint(split.coverage.total_batches);
  json->Key("timestamp").String(FormatUtc(split.coverage.updated_micros));
  json->EndObject();
}

void WriteSpace(const Overview::Space& space, JsonWriter* json) {
  const EmbeddingIdentity& identity = space.space.record.identity;
  json->BeginObject();
  json->Key("space").String(ToHex(space.space.id));
  json->Key("provider").String(space.space.record.provider);
  json->Key("model").String(identity.model);
  json->Key("dimensions").Uint(identity.dimensions);
  json->Key("task_type").String(identity.task_type);
  json->Key("vectors").Uint(space.vectors);
  json->EndObject();
}

void WriteJobs(const std::vector<JobRecord>& jobs, JsonWriter* json) {
  json->Key("jobs").BeginArray();
  for (const JobRecord& job : jobs) {
    json->BeginObject();
    json->Key("id").Uint(job.id);
    json->Key("name").String(job.name);
    json->Key("display_name").String(job.display_name);
    json->Key("state").String(job.state);
    json->Key("open").Bool(job.open());
    json->Key("split").String(job.split);
    json->Key("model").String(job.model);
    json->Key("texts").Uint(job.texts);
    json->Key("stored_texts").Uint(job.stored_texts);
    json->Key("tokens").Uint(job.tokens);
    json->Key("price_usd").Double(job.cost.usd());
    json->Key("created").String(FormatUtc(job.created_micros));
    json->Key("updated").String(FormatUtc(job.updated_micros));
    json->Key("note").String(job.note);
    json->EndObject();
  }
  json->EndArray();
}

void WriteFailure(const FailureRecord& failure, JsonWriter* json) {
  json->BeginObject();
  json->Key("split").String(failure.split);
  json->Key("id").String(failure.document_id);
  json->Key("code").String(failure.code);
  json->Key("reason").String(failure.reason);
  json->EndObject();
}

void WriteGroups(std::string_view key, SpendGroup group, const std::vector<SpendRecord>& spending,
                 JsonWriter* json) {
  json->Key(key).BeginArray();
  for (const auto& [name, sums] : SumSpendingBy(group, spending)) {
    json->BeginObject();
    json->Key("name").String(name);
    json->Key("texts").Uint(sums.spent.texts);
    json->Key("tokens").Uint(sums.spent.tokens);
    json->Key("spent_usd").Double(sums.spent.cost.usd());
    json->Key("wasted_usd").Double(sums.wasted.cost.usd());
    json->Key("in_doubt_usd").Double(sums.in_doubt.cost.usd());
    json->Key("under_way_usd").Double(sums.under_way.cost.usd());
    json->EndObject();
  }
  json->EndArray();
}

void WriteDoubt(const DoubtRecord& doubt, JsonWriter* json) {
  json->BeginObject();
  json->Key("request").Uint(doubt.request);
  json->Key("split").String(doubt.split);
  json->Key("model").String(doubt.model);
  json->Key("texts").Uint(doubt.texts);
  json->Key("tokens").Uint(doubt.tokens);
  json->Key("price_usd").Double(doubt.cost.usd());
  json->Key("since").String(FormatUtc(doubt.since_micros));
  json->Key("reason").String(doubt.reason);
  json->EndObject();
}

void WriteMoney(const Overview& overview, std::int64_t now_micros, JsonWriter* json) {
  const std::vector<SpendRecord>& spending = overview.spending;
  const SpendSums total = SumSpending(spending);
  json->Key("money").BeginObject();
  json->Key("spent_usd").Double(total.spent.cost.usd());
  json->Key("spent_today_usd").Double(SpentToday(spending, now_micros).usd());
  json->Key("wasted_usd").Double(total.wasted.cost.usd());
  json->Key("in_doubt_texts").Uint(total.in_doubt.texts);
  json->Key("in_doubt_usd").Double(total.in_doubt.cost.usd());
  json->Key("under_way_texts").Uint(total.under_way.texts);
  json->Key("under_way_usd").Double(total.under_way.cost.usd());
  json->Key("reported_tokens").Uint(total.reported_tokens);
  json->Key("estimate_of_reported").Uint(total.estimate_of_reported);
  WriteGroups("by_split", SpendGroup::kSplit, spending, json);
  WriteGroups("by_model", SpendGroup::kModel, spending, json);
  WriteGroups("by_day", SpendGroup::kDay, spending, json);
  json->Key("doubts").BeginArray();
  for (const DoubtRecord& doubt : overview.doubts) WriteDoubt(doubt, json);
  json->EndArray();
  json->EndObject();
}

}  // namespace

std::string OverviewJson(const Overview& overview, std::int64_t now_micros) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  json.Key("splits").BeginArray();
  for (const Overview::Split& split : overview.splits) WriteSplit(overview, split, &json);
  json.EndArray();
  json.Key("spaces").BeginArray();
  for (const Overview::Space& space : overview.spaces) WriteSpace(space, &json);
  json.EndArray();
  WriteJobs(overview.jobs, &json);
  json.Key("failures").BeginArray();
  for (const FailureRecord& failure : overview.failures) WriteFailure(failure, &json);
  json.EndArray();
  WriteMoney(overview, now_micros, &json);
  json.Key("kept").BeginObject();
  json.Key("replies").Uint(overview.kept.replies);
  json.Key("texts").Uint(overview.kept.texts);
  json.Key("damaged_files").Uint(overview.kept.damaged_files);
  json.EndObject();
  json.Key("store_bytes").Uint(overview.store_bytes);
  json.Key("ledger_bytes").Uint(overview.ledger_bytes);
  json.Key("export_bytes").Uint(overview.export_bytes);
  json.EndObject();
  return out + "\n";
}

std::string JobsJson(const std::vector<JobRecord>& jobs) {
  std::string out;
  JsonWriter json(&out, 2);
  json.BeginObject();
  WriteJobs(jobs, &json);
  json.EndObject();
  return out + "\n";
}

}  // namespace embstore
