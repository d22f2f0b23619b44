// The page from top to bottom.
function build() {
  const main = document.querySelector("main");
  document.querySelector("header").append(
    h("h1", {}, data.title),
    h("p", {}, data.summary),
    h("nav", { "aria-label": "sections" },
      sections().map(([id, title]) => h("a", { href: `#${id}` }, title))));
  main.append(...data.notices.map((text) => h("p", { class: "notice", role: "note" }, `⚠ ${text}`)));
  for (const [id, title, make] of sections()) {
    const section = h("section", { id, "aria-labelledby": `${id}-title` },
      h("h2", { id: `${id}-title` }, title));
    main.append(section);
    make(section);
  }
  document.querySelector("footer").append(
    ...data.left_out.map((text) => h("p", {}, `Left out: ${text}`)),
    h("p", {}, `Made by musicgen ${data.version}, ${data.made}. This page needs no network.`));
}

function sections() {
  const made = [["about", "What was tried", about], ["table", "Ranking", buildTable],
    ["curves", "Curves", buildCurves]];
  if (swept.length && judged().length > 1) made.push(["parameters", "Parameters", buildParameters]);
  return [...made, ["tunes", "Tunes", buildTunes]];
}

function about(section) {
  for (const source of data.sources) {
    if (data.sources.length > 1) section.append(h("h3", {}, source.name));
    section.append(
      h("p", {}, source.question),
      h("dl", { class: "facts" }, source.facts.map(([name, fact]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, fact)))));
    if (source.command) section.append(h("p", { class: "quiet" }, "To do it again:"), copyable(source.command));
    section.append(h("details", {},
      h("summary", {}, "The rest of the configuration"),
      h("dl", { class: "facts settings" }, source.settings.map(([name, fact]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, fact))))));
  }
}

build();
