from hypothesis import settings

# A deadline measures the machine, which others use as well.
settings.register_profile("musicgen", deadline=None)
settings.load_profile("musicgen")
