"""Lets links of the pages that lead out of docs/ lead to the repository, and refuses dead links."""
import os
import posixpath
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

from mkdocs.exceptions import PluginError


def on_files(files, config):
    for file in [f for f in files if "/node_modules/" in f.src_path]:
        files.remove(file)
    return files


def on_page_markdown(markdown, page, config, **_):
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_path))
    root = posixpath.dirname(config["config_file_path"])

    def link(match):
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        path = target.partition("#")[0]
        if path.startswith("docs/") and os.path.isfile(posixpath.join(root, path)):
            return match[0]
        return "](%s/blob/main/%s)" % (config["repo_url"], target)

    return re.sub(r"\]\(((?:\.\./|[\w.-]+/)[^):]*)\)", link, markdown)


class Page(HTMLParser):
    """What a page links to, and the ids that others can name."""

    def __init__(self, file):
        super().__init__()
        self.links, self.ids = set(), set()
        with open(file, encoding="utf-8") as f:
            self.feed(f.read())

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def on_post_build(config):
    pages = {}
    for folder, _, names in os.walk(config["site_dir"]):
        for name in names:
            if name.endswith(".html") and name != "404.html":  # its links are those of the server's root
                file = os.path.join(folder, name)
                pages[file] = Page(file)
    dead = []
    for file, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            path, fragment = urldefrag(link)
            target = os.path.normpath(os.path.join(os.path.dirname(file), unquote(path))) if path else file
            if os.path.isdir(target):
                target = os.path.join(target, "index.html")
            if not os.path.isfile(target) or fragment and target in pages and unquote(fragment) not in pages[target].ids:
                dead.append("%s: %s" % (os.path.relpath(file, config["site_dir"]), link))
    if dead:
        raise PluginError("links that lead nowhere:\n" + "\n".join(sorted(dead)))
