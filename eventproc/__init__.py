"""An event-processing framework: modules on paths, over events from files, driven by a job configuration."""
