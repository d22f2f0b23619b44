"""SVG"""
def finished(pages):
    return pages[0]
