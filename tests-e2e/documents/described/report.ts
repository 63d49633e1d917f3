// Makes a report with nothing but the types that are made of the served document: from a query's text to the bytes of its file.
import type { operations } from "./api";

const [api, token, query] = process.argv.slice(2) as [string, string, string];

type Body<Name extends keyof operations> = operations[Name] extends { requestBody: { content: { "application/json": infer Sent } } } ? Sent : never;
type Answer<Name extends keyof operations> = operations[Name] extends { responses: { 200: { content: { "application/json": infer Given } } } } ? Given : never;

async function call<Name extends keyof operations>(method: string, path: string, body?: Body<Name>): Promise<{ status: number; answer: Answer<Name> }> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${api}${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Answer<Name> };
}

function one<Item>(list: Item[]): Item {
  if (list.length !== 1) throw new Error(`${list.length} items`);
  return list[0]!;
}

const made = await call<"createQuery">("POST", "/ScheduledQueries", { Name: "of TypeScript", Query: query });
const { queryId } = one(made.answer.value);
const report = await call<"createReport">("POST", "/ScheduledReport", { ReportName: "of TypeScript", QueryId: queryId, ExecuteNow: true, Format: "csv" });
const { reportId } = one(report.answer.value);
let link: string | null = null;
while (link === null) {
  const found = await call<"listExecutions">("GET", `/ScheduledReport/execution/${reportId}`);
  // Until the run has ended, there is none, which is a documented 404.
  link = found.status === 200 ? one(found.answer.value).reportAccessSecureLink : null;
}
const file = await fetch(link);
process.stdout.write(await file.text());
