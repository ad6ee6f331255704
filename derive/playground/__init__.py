"""The page in the browser: one page, served on this machine or built as a folder that needs no server.

`answers` turns what was typed into what is shown; `server` serves the page on 127.0.0.1 and has
each answer made by a worker process with a time limit; `static` builds a folder in which the same
package answers inside the browser, by Pyodide.
"""
