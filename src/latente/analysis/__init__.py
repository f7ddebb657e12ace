"""Several trained models: groups over seeds, comparison, elbow, conclusions."""
