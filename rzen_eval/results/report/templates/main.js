// Where one is, and what the keys do.
const index = JSON.parse(find("#index").textContent);
const ids = index.tasks.map((task) => task.id);
let current = null;

const place = () => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
const address = (id, query) => `#/${encodeURIComponent(id)}${query === undefined ? "" : `/${encodeURIComponent(query)}`}`;

async function route() {
  const [id, query] = place();
  const number = ids.indexOf(id);
  if (current && current.id === id) {
    if (query !== undefined && current.queries) current.queries.go(query);
    return;
  }
  current = number < 0 ? null : { id };
  find("#overview").hidden = number >= 0;
  find("#task").hidden = number < 0;
  find("#jump").value = number < 0 ? "" : id;
  for (const [name, by] of [["#previous", -1], ["#next", 1]]) {
    const button = find(name), other = ids[number + by];
    button.hidden = number < 0;
    button.disabled = other === undefined;
    button.onclick = () => { location.hash = address(other); };
  }
  document.title = number < 0 ? `${index.models.join(" and ")} on MMEB-V2` : `${index.tasks[number].name} · ${index.models.join(" and ")}`;
  scrollTo(0, 0);
  if (number < 0) { find("#task").replaceChildren(); return; }
  find("#task").replaceChildren(element("p", { class: "fine", role: "status" }, "Unpacking …"));
  try {
    const whole = await unpacked(find(`script[data-task="${CSS.escape(id)}"]`).textContent);
    if (current && current.id === id) taskPage(index.tasks[number], whole, query);
  } catch (error) {
    find("#task").replaceChildren(element("p", { class: "note" }, `This task cannot be shown: ${error.message}. A browser of 2023 or later is needed.`));
    throw error;
  }
}

function taskPage(task, whole, query) {
  const { browse } = whole;
  const queries = browse ? browser(browse, index.models, (chosen) => history.replaceState(null, "", address(task.id, chosen))) : null;
  current.queries = queries;
  find("#task").replaceChildren(...present([
    element("h1", null, task.name, element("small", null, about(task, whole))),
    ...whole.notes.map((note) => element("p", { class: "note" }, note)),
    ...whole.results.flatMap((result, model) => (result ? result.warnings.map((warning) => element("p", { class: "note" }, `${index.models[model]}: ${warning}`)) : [])),
    element("div", { class: "facts" }, whole.results.map((result, model) => headline(result, model))),
    ...(browse ? charts(browse) : []),
    browse ? element("h2", { id: "queries" }, "Queries ", element("small", null, seen(whole, browse))) : null,
    queries ? queries.root : null,
    element("h2", null, "Every metric"),
    metrics(whole.results),
    ...whole.results.map((result, model) => (result ? element("details", null,
      element("summary", null, `Where ${index.models[model]}'s score comes from`),
      element("pre", null, JSON.stringify(result.provenance, null, 2))) : null)),
  ]));
  if (!queries) return;
  if (query === undefined) queries.refresh();
  else queries.go(query);
}

const about = (task, whole) => [
  task.group, task.metric, several(whole.counts[0], "query"), several(whole.counts[1], "candidate"),
  whole.limit === null ? null : `${whole.limit} only`,
].filter(Boolean).join(" · ");

const seen = (whole, browse) => (whole.pictured
  ? whole.pictured < browse.query.id.length ? `pictures of ${counted(whole.pictured)}: the worst, the nearest misses, ties and some of the rest` : "all with pictures"
  : "");

function headline(result, model) {
  return element("div", null,
    element("span", { class: "fine" }, element("i", { class: `swatch m${model}` }), ` ${index.models[model]}`),
    element("b", null, result ? percent(result.score) : "–"),
    element("small", null, !result ? "not scored" : [
      result.estimate ? `${result.estimate[0]} to ${result.estimate[1]}` : null, several(result.ties, "tie"),
      Math.abs(result.score - result.exact) > 1e-9 ? `${percent(result.exact)} in the textbook reading` : null,
    ].filter(Boolean).join(" · ")));
}

function charts(browse) {
  return [
    element("div", { class: "panels" },
      element("section", null, element("h2", null, "Place of the right answer"), element("div", { class: "rows" }, rankRows(browse))),
      element("section", null, element("h2", null, "Margins"), marginChart(browse, index.models),
        element("p", { class: "fine" }, "Score of the best right answer less that of the best wrong one, query by query."))),
    browse.slices.length ? element("h2", null, "Score by kind of query") : null,
    element("div", { class: "panels" }, browse.slices.map((slice) => element("section", null,
      element("h3", null, slice.name), element("div", { class: "rows" }, sliceRows(slice, browse.runs))))),
  ];
}

function metrics(results) {
  const known = results.map((result, model) => [result, model]).filter(([result]) => result);
  const cuts = [1, 5, 10];
  const families = [...new Set(Object.keys(known[0][0].metrics).map((name) => name.split("@")[0]))];
  return element("div", { class: "scroll" }, element("table", null,
    element("thead", null, element("tr", null, element("th", { scope: "col" }, "Textbook reading, percent"),
      known.flatMap(([, model]) => cuts.map((cut) => element("th", { scope: "col", class: "number" }, `${known.length > 1 ? `${index.models[model]} ` : ""}@${cut}`))))),
    element("tbody", null, families.map((family) => element("tr", null, element("th", { scope: "row" }, family),
      known.flatMap(([result]) => cuts.map((cut) => element("td", { class: "number" }, `${family}@${cut}` in result.metrics ? percent(result.metrics[`${family}@${cut}`]) : "–"))))))));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("#enlarged").open) return;
  const queries = current && current.queries;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape") escaped(event, queries, typing);
  else if (typing) return;
  else if (event.key === "/") { event.preventDefault(); (queries ? queries.search : find("#find-task")).focus(); }
  else if (event.key === "j" && queries) queries.step(1);
  else if (event.key === "k" && queries) queries.step(-1);
}

function escaped(event, queries, typing) {
  if (typing) {
    if (event.target.value && event.target.type === "search") {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
    }
    event.target.blur();
    event.preventDefault();
  } else if (current && !(queries && queries.close())) location.hash = "#/";
}

function dress() {
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* a file may have no storage */ } };
  if (kept()) root.dataset.theme = kept();
  find("#theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep(root.dataset.theme);
  });
}

dress();
sortable(find("#task-table"));
findable(find("#find-task"), find("#task-table"));
find("#jump").addEventListener("change", (event) => { location.hash = event.target.value ? address(event.target.value) : "#/"; });
addEventListener("hashchange", route);
addEventListener("keydown", pressed);
route();
