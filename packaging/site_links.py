"""Lets links of the pages that lead to files outside docs/ lead to the repository."""
import posixpath
import re


def on_page_markdown(markdown, page, config, **_):
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_path))

    def link(match):
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        if target.startswith("docs/") and target.endswith((".md", ".svg", ".png")):
            return match[0]
        return "](%s/blob/main/%s)" % (config["repo_url"], target)

    return re.sub(r"\]\(((?:\.\./|[\w.-]+/)[^):]*)\)", link, markdown)
