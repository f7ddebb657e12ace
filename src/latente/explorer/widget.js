// The page in a frame of a notebook; the numbers of the examples that are selected in it go to Python, and nothing else.

function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width: 100%; height: ${model.get("_height")}px; border: 0`;
  frame.title = "latente";
  if (model.get("_url")) frame.src = model.get("_url");
  else {
    // Without an origin of its own it cannot reach the notebook.
    frame.setAttribute("sandbox", "allow-scripts allow-downloads");
    frame.srcdoc = model.get("_page");
  }
  const hear = ({ source, data }) => {
    if (source !== frame.contentWindow || data?.latente !== "selection" || !Array.isArray(data.index)) return;
    if (!["train", "validation", "test", "all"].includes(data.split) || !data.index.every((i) => Number.isInteger(i) && i >= 0)) return;
    model.set("_index", data.index);
    model.set("split", data.split);
    model.save_changes();
  };
  window.addEventListener("message", hear);
  el.appendChild(frame);
  return () => window.removeEventListener("message", hear);
}

export default { render };
