# The release as it was handed out.
