// One hidden unit over the characters of a tune: red negative, blue positive.
function heat(tune, characters) {
  const { names, values } = tune.units;
  const bytes = Int8Array.from(atob(values), (c) => c.charCodeAt(0));
  const select = h("select", { change: colour }, h("option", { value: "" }, "no unit"),
    names.map((name, index) => h("option", { value: index }, name)));
  function colour() {
    const row = select.value === "" ? null : Number(select.value) * characters.length;
    characters.forEach((element, i) => {
      const level = row == null ? 0 : bytes[row + i] / 127;
      const [r, g, b] = level < 0 ? [214, 39, 40] : [31, 119, 220];
      element.style.backgroundColor = level ? `rgb(${r} ${g} ${b} / ${Math.abs(level) * 0.8})` : "";
    });
  }
  return h("label", { class: "units" }, "Hidden unit ", select);
}
