// Python in the browser: it answers questions apart from the page, which stays alive meanwhile.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const ready = (async () => {
  const wheel = fetch("./derive.whl").then((got) => got.arrayBuffer());
  const python = await loadPyodide({ indexURL: "./pyodide/" });
  python.unpackArchive(await wheel, "zip");
  return python.runPython("from derive.playground.answers import answer_json\nanswer_json");
})();

onmessage = async ({ data: [number, question] }) => {
  try {
    postMessage([number, (await ready)(question)]);
  } catch (error) {
    postMessage([number, JSON.stringify({ error: `Python cannot be loaded here: ${error}` })]);
  }
};
