// One hidden unit over the characters of a tune: red negative, blue positive.
function heat({ names, values }, characters) {
  const bytes = Int8Array.from(atob(values), (c) => c.charCodeAt(0));
  const select = h("select", { change: colour }, h("option", { value: "" }, "none"),
    names.map((name, index) => h("option", { value: index }, name)));
  const mark = h("span", { class: "mark" });
  const scale = h("span", { class: "scale" }, "low ", h("span", { class: "ramp" }, mark), " high");
  const level = (place) =>
    select.value === "" ? 0 : bytes[Number(select.value) * characters.length + place] / 127;
  function colour() {
    scale.hidden = select.value === "";
    characters.forEach((element, place) => {
      const now = level(place);
      element.style.backgroundColor = now
        ? `color-mix(in srgb, var(--${now < 0 ? "low" : "high"}) ${100 * Math.abs(now)}%, transparent)` : "";
    });
  }
  /** Show what the unit does at a character; null: at none. */
  function at(place) {
    mark.hidden = place == null;
    if (place != null) mark.style.left = `${50 + 50 * level(place)}%`;
  }
  colour();
  at(null);
  return { at, element: h("div", { class: "units" }, h("label", {}, "Hidden unit ", select), scale) };
}
